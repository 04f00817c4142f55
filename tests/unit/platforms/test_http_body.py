"""Bodies of answers: JSON behind notices, and what is no JSON at all."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.http.body import BodyError, decode, plain

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary())
def test_bytes_never_surprise(body: bytes) -> None:
    with suppress(BodyError):
        decode(body)


@given(JSON.filter(lambda value: isinstance(value, (list, dict))), st.booleans())
def test_json_is_read_with_and_without_notices(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        expected = json.loads(text)
    except UnicodeDecodeError:
        return
    if "\\ud" not in text.decode():
        assert decode(text).data == expected
        notice = b"\xef\xbb\xbf<br />\n<b>Notice</b>: Undefined index: x[1] in {main} <br />\n"
        behind = decode(notice + text)
        assert (behind.data, behind.text) == (expected, "before")


@pytest.mark.parametrize(
    "tail", ["<!-- Performance optimized by W3 -->", "\nWarning: foo[1] in bar {main} on line 3\n"]
)
@given(JSON.filter(lambda value: isinstance(value, (list, dict))))
def test_json_is_read_with_text_behind_it(tail: str, value: Any) -> None:
    text = json.dumps(value).encode()
    if b"\\ud" not in text:
        found = decode(text + tail.encode())
        assert (found.data, found.text) == (value, "behind")


def test_json_is_read_between_texts() -> None:
    found = decode(b'<br />Notice: a[1] in {main}<br />{"id": 1, "lines": [1, 2, {"a": []}]}<!-- cached -->')
    assert (found.data, found.text) == ({"id": 1, "lines": [1, 2, {"a": []}]}, "before and behind")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'[{"id": 1}, {"id": 2', "truncated"),
        (b'[{"id":1},{"id":2', "truncated"),
        (b'{"id":1,"billing":{"city":"X"}', "truncated"),
        (b'[{"id":1}][{"id":1}]', "truncated"),
        (b'<html><title>Down</title><script>var x = {"a": 1};</script></html>', "html"),
        (b'<!doctype html><body>{"a": 1}', "html"),
    ],
)
def test_a_part_of_an_answer_is_no_answer(body: bytes, code: str) -> None:
    with pytest.raises(BodyError) as caught:
        decode(body)
    assert caught.value.code == code


def test_amounts_are_exact() -> None:
    assert decode(b'{"a": 0.1, "b": 1e2}').data == {"a": Decimal("0.1"), "b": Decimal("1e2")}


@pytest.mark.parametrize("number", ["9" * 5000, "1e99999999999999999999", "-" + "8" * 4999])
def test_an_absurd_number_spoils_only_itself(number: str) -> None:
    assert decode(f'[{{"id": 7, "total": {number}}}]'.encode()).data == [{"id": 7, "total": number}]


def test_not_a_number_is_text() -> None:
    assert decode(b'{"a": NaN, "b": -Infinity}').data == {"a": "NaN", "b": "-Infinity"}


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    assert decode(rb'["\ud83d\ude00", "a\ud800b", "\udc00"]').data == ["😀", "a\ufffdb", "\ufffd"]


def test_a_sentence_of_a_site_is_one_clean_line() -> None:
    assert plain("<p>Not\x00 so\n\n<b>fast</b> &amp; easy</p>") == "Not so fast & easy"
    assert len(plain("x" * 10_000)) == 200
