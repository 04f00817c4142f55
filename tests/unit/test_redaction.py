"""What is masked, and what stays readable."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.secrets import redaction
from chansync.secrets.redaction import MASK, remember, scrub, scrub_json

KEY = "ck_" + "0123456789abcdef" * 2 + "01234567"


@pytest.fixture(autouse=True)
def _forgotten_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = logging.getLogRecordFactory()
    for name in ("_known", "_passing"):
        monkeypatch.setattr(redaction, name, {})
    monkeypatch.setattr(redaction, "_given", set())
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GET /wp-json/wc/v3/orders?consumer_key=abcd1234&page=2", "&page=2"),
        ("body grant_type=refresh_token&refresh_token=Zzzz.yyyy&client_secret=qqqq1111", "grant_type=refresh_token"),
        ("oauth_signature=abc%2Bdef%3D&oauth_nonce=1", "&oauth_nonce=1"),
        ("Authorization: Basic Y2tfeDpjc194", "Authorization: "),
        ("headers=[(b'Authorization', b'Basic Y2tfeDpjc194'), (b'Host', b'x')]", "(b'Host', b'x')"),
        ('{"Authorization": "Bearer eyJhbGciOi"}', '"}'),
        ("x-amz-access-token: Atza|IwEBIJ", "x-amz-access-token: "),
        ("https://user:hunter22@shop.example/wp-json", "https://user:"),
        ('{"client_secret": "amzn-secret-value", "region": "eu"}', '"region": "eu"}'),
        (f"the key {KEY} is wrong", "the key "),
        ("token Atzr|IwEBIJabcdefgh is expired", " is expired"),
    ],
)  # fmt: skip
def test_what_looks_like_a_credential_is_masked(text: str, kept: str) -> None:
    masked = scrub(text)
    assert MASK in masked
    assert kept in masked
    for secret in ("abcd1234", "Zzzz", "qqqq1111", "abc%2B", "Y2tf", "eyJ", "IwEB", "hunter22", "amzn-secret", KEY):
        assert secret not in masked


_SECRET = "cs_" + "89abcdef01234567" * 2 + "fedcba98"


@pytest.mark.parametrize("piece", [_SECRET, _SECRET[:15], _SECRET[:25], KEY[:30]])
def test_a_key_that_a_site_has_cut_at_its_end_is_masked_by_its_shape(piece: str) -> None:
    for text in (f"no access for {piece}", f"/page?x={piece}&y=1", f'{{"said": "{piece}…"}}', f"<title>{piece}"):
        masked = scrub(text)
        assert piece[:10] not in masked
        assert MASK in masked
    assert json.loads(scrub_json({"said": [piece], "number": 1})) == {"said": [MASK], "number": 1}


def test_of_an_address_the_tokens_are_secrets_and_its_host_is_none() -> None:
    remember(["json://hooks.example.com/path/Zm9vYmFyYmF6cXV4MTIz?to=me"])
    assert scrub("POST /path/Zm9vYmFyYmF6cXV4MTIz failed") == f"POST /path/{MASK} failed"
    for text in ("hooks.example.com does not answer", "cs_89abcd and ck_0123456", "order 0123456789", "x" * 500):
        assert scrub(text) == text


@pytest.mark.parametrize("secret", ["p/a&ss\"w<o>rd'4", "Atza|tok/en+4=="])
def test_a_secret_is_known_in_every_dress(secret: str) -> None:
    remember([secret])
    small = re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), quote(secret, safe=""))
    for dress in (
        html.escape(secret),
        html.escape(secret, quote=False),
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        quote(secret),
        quote(secret, safe=""),
        base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    ):
        assert scrub(f"said {dress}.") == f"said {MASK}."
    assert scrub(f"said {small}") == f"said {MASK}"


def test_a_secret_that_is_replaced_again_and_again_is_forgotten() -> None:
    remember(["token-number-1-0123456789"], instead_of="account")
    assert MASK in scrub("token-number-1-0123456789")
    remember(["another-thing-2-9876543210"], instead_of="account")
    assert scrub("token-number-1-0123456789") == "token-number-1-0123456789"
    assert MASK in scrub("another-thing-2-9876543210")


def test_a_secret_that_is_a_word_of_the_data_leaves_the_data_readable() -> None:
    remember(["wrong", 'pass"word'])
    data = {"wrong": {"pos": "is wrong"}, "said": ['pass"word', 1, None, True], "used": False}
    assert json.loads(scrub_json(data)) == {
        "wrong": {"pos": f"is {MASK}"}, "said": [MASK, 1, None, True], "used": False
    }  # fmt: skip
    assert json.loads(scrub_json({"consumer_key": "abcd1234"})) == {"consumer_key": MASK}


@pytest.mark.parametrize(
    "text",
    [
        "Connected to Shop by HTTPS, Basic authentication: read and write.",
        "consumer_key is secret: write consumer_key=- and type it, or consumer_key=@FILE.",
        "Order 1001 has the status processing; page_token is not used.",
        "Enter the consumer key and the consumer secret of the store.",
        "https://shop.example:8443/wp-json/wc/v3/orders?per_page=100",
        '{"number": "1001", "customer": "Ann Example", "total": "12.50"}',
        f"consumer_key={MASK}",
    ],
)
def test_ordinary_sentences_stay(text: str) -> None:
    assert scrub(text) == text


_SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["Cc", "Cs"]), min_size=8)


@given(_SECRETS, _SECRETS)
def test_a_known_secret_is_masked_in_every_form(name: str, password: str) -> None:
    remember([name, password])
    basic = base64.b64encode(f"{name}:{password}".encode()).decode()
    forms = (password, quote(password, safe=""), quote_plus(password), json.dumps(password)[1:-1], basic.rstrip("="))
    for form in forms:
        assert form not in scrub(f"said {form} and more")


def test_a_short_word_is_no_secret() -> None:
    remember(["abc"])
    assert scrub("abc") == "abc"


class TestTheLog:
    def test_httpx_says_no_secret_even_at_debug(self, caplog: pytest.LogCaptureFixture) -> None:
        remember(["needle-in-the-hay"])
        for name in ("httpx", "httpcore"):
            caplog.set_level(logging.DEBUG, logger=name)
        with caplog.at_level(logging.DEBUG):
            logging.getLogger("httpcore.http11").debug(
                "send_request_headers.started request=%r", [(b"X-Key", b"needle-in-the-hay")]
            )
            logging.getLogger("httpx").info('HTTP Request: GET %s "200 OK"', "https://x/?consumer_secret=other-needle")
        assert "send_request_headers" in caplog.text
        assert "needle" not in caplog.text

    def test_a_traceback_says_none(self, caplog: pytest.LogCaptureFixture) -> None:
        remember(["needle-in-the-hay"])
        try:
            raise ValueError("the answer to needle-in-the-hay")
        except ValueError:
            logging.getLogger("chansync.daemon").exception("a task failed")
        assert "ValueError: the answer to •••" in caplog.text
        assert "needle" not in caplog.text

    def test_a_line_that_is_clean_stays_as_it_was_made(self, caplog: pytest.LogCaptureFixture) -> None:
        remember(["needle-in-the-hay"])
        with caplog.at_level(logging.INFO):
            logging.getLogger("x").info("%s of %d", "a", 2)
        assert caplog.records[-1].args == ("a", 2)

    def test_arguments_that_do_not_fit_do_no_harm(self, caplog: pytest.LogCaptureFixture) -> None:
        remember(["needle-in-the-hay"])
        logging.getLogger("x").warning("%d %d", "needle-in-the-hay")
        assert "its arguments do not fit" in caplog.text
        assert "needle" not in caplog.text
