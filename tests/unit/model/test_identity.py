"""Which phones and e-mails identify, and when two parties that share one are two customers all the same."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chansync.model.identity import (
    Party,
    countries_of,
    is_another,
    is_another_company,
    names_agree,
    normal_email,
    normal_phone,
)
from chansync.model.order import Address, TaxNumbers
from support.orders import order

BERLIN = "+493023125100"


@pytest.mark.parametrize(
    ("typed", "countries", "normal"),
    [
        ("030 23125100", ("DE",), BERLIN),
        ("+49 (0)30 / 2312-5100", ("US",), BERLIN),
        ("0049 30 23125100", ("DE",), BERLIN),
        ("49 30 23125100", ("DE",), BERLIN),
        ("030 23125100", ("US", "DE"), BERLIN),
        ("+49 30 23125100", (), BERLIN),
        ("٠٣٠ ٢٣١٢٥١٠٠", ("DE",), BERLIN),
        ("0888 123 456", ("BG",), "+359888123456"),
        ("11 15-2345-6789", ("AR",), "+5491123456789"),
        ("+1 207-555-0142 ext. 1000", ("US",), "+12075550142 ext. 1000"),
        ("(207) 555-0142 x1000", ("US",), "+12075550142 ext. 1000"),
        ("+1 207-555-0142;ext=1000", ("DE",), "+12075550142 ext. 1000"),
        ("+1 207-555-0142", ("US",), "+12075550142"),
    ],
)
def test_a_phone_has_one_form(typed: str, countries: tuple[str, ...], normal: str) -> None:
    assert normal_phone(typed, countries) == normal


@pytest.mark.parametrize(
    ("typed", "country"),
    [
        ("", "DE"), ("n/a", "DE"), ("0", "DE"), ("000", "DE"), ("123", "DE"), ("123456", "DE"), ("0000000000", "DE"),
        ("000 000 00 00", "DE"), ("1111111111", "DE"), ("+49000000000", "DE"), ("000-000-0000", "US"),
        ("1234567890", "US"), ("0123456789", "FR"), ("01 11 11 11 11", "FR"), ("0888 888 888", "BG"),
        ("+34 666 666 666", "ES"), ("+49 30 000000", "DE"), ("030 23125100", ""), ("112", "DE"),
        ("+1 207-555-0142 room 12", "US"), ("030 23125100 / 0171 1234567", "DE"),
    ],
)  # fmt: skip
def test_what_is_no_phone_of_somebody_identifies_nobody(typed: str, country: str) -> None:
    assert normal_phone(typed, (country,) if country else ()) == ""


EXTENSIONS = st.integers(0, 10**6 - 1).map(str)
LABELS = st.sampled_from([" ext. ", " x", ";ext=", " extension ", ",,", "#"])


@given(EXTENSIONS, EXTENSIONS, LABELS, LABELS)
def test_the_extension_is_part_of_the_number(one: str, two: str, label: str, other: str) -> None:
    first = normal_phone(f"+1 207-555-0142{label}{one}", ("US",))
    second = normal_phone(f"(207) 555 0142{other}{two}", ("US",))
    # An empty form matches nobody: whatever is not understood, two extensions never are one customer.
    assert one == two or first != second or first == ""
    assert first in ("", f"+12075550142 ext. {one}")


@given(st.sampled_from("0123456789"), st.integers(1, 15), st.sampled_from(["", "+", "+49", "+359", "+1", "0", "00"]))
def test_one_digit_repeated_is_nobodys_phone(digit: str, times: int, before: str) -> None:
    assume(len(before + digit * times) > 6)
    for country in ("DE", "BG", "US", "NO", "FR"):
        assert normal_phone(before + digit * times, (country,)) == ""


@given(st.text(max_size=30) | st.text("0123456789+-()/ extx.", max_size=30), st.sampled_from(["", "DE", "US", "XX"]))
def test_whatever_is_typed_gives_a_phone_that_reads_as_itself_or_none(typed: str, country: str) -> None:
    found = normal_phone(typed, (country,) if country else ())
    assert normal_phone(found, (country,) if country else ()) == found


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        (" Anna@Example.COM ", "anna@example.com"),
        ("x1y2z3@marketplace.amazon.de", "x1y2z3@marketplace.amazon.de"),
        ("n/a", ""), ("@", ""), ("anna@", ""), ("@example.com", ""), ("anna @example.com", ""),
    ],
)  # fmt: skip
def test_an_email_is_case_folded(typed: str, normal: str) -> None:
    assert normal_email(typed) == normal


def test_the_countries_are_the_billings_then_the_deliverys() -> None:
    made = order(billing=Address(country="de"), delivery=Address(country="BG"))
    assert countries_of(made) == ("DE", "BG")
    assert countries_of(order(billing=Address(), delivery=Address(country="BG"))) == ("BG",)
    assert countries_of(order(billing=Address(country="DE"), delivery=Address(country="DE"))) == ("DE",)


def test_names_are_compared_without_case_accents_punctuation_and_order() -> None:
    assert names_agree("Müller & Söhne GmbH", "MULLER  SOHNE GMBH.")
    assert names_agree("Ivanova, Anna", "anna ivanova")
    assert not names_agree("Anna Ivanova", "Anna Petrova")
    assert not names_agree("", "")


def person(name: str, **keys: str) -> Party:
    return Party(name, "", TaxNumbers(**keys))


def company(name: str, **keys: str) -> Party:
    return Party(name, name, TaxNumbers(**keys))


UNKNOWN = Party()


@pytest.mark.parametrize(
    ("one", "two", "another"),
    [
        (person("Anna"), person("Ben"), False),
        (person("Anna"), UNKNOWN, False),
        (company("Alfa"), UNKNOWN, False),
        (company("Alfa GmbH"), company("ALFA GMBH"), False),
        (company("Alfa"), company("Beta"), True),
        (person("Anna"), company("Alfa"), True),
        (company("Alfa", uic="DE:1111"), company("Alfa", uic="DE:2222"), True),
        (company("Alfa", vat="DE1"), company("Alfa", vat="DE2"), True),
        (company("Alfa", uic="BG111111111"), company("Alfa", vat="BG222222222"), True),
        (company("Alfa", uic="BG111111111"), company("Beta", vat="BG111111111"), False),
        (company("Alfa", uic="EE11111111"), company("Alfa", vat="EE222222222"), False),
        (company("Alfa", vat="DE1"), company("Alfa"), False),
        (person("Anna", vat="DE1"), person("Anna"), False),
        (person("Anna", vat="DE1"), person("Ben"), True),
        (person("Anna", vat="DE1"), UNKNOWN, True),
        (person("Anna", personal="BG1"), person("Anna", personal="BG2"), True),
        (person("Anna", personal="BG1"), person("Anna"), False),
        (person("Anna", personal="BG1"), person("Anna", vat="DE1"), False),
        (person("Anna", personal="BG1"), person("Ben", vat="DE1"), True),
    ],
)
def test_a_contradiction_makes_another_customer(one: Party, two: Party, another: bool) -> None:
    assert (is_another(one, two), is_another(two, one)) == (another, another)


def test_a_number_that_nothing_checks_is_another_companys_under_another_name() -> None:
    assert is_another_company(company("Alfa", uic="DE:HRB98765"), company("Beta", uic="DE:HRB98765"))
    assert not is_another_company(company("Alfa", uic="DE:HRB98765"), person("Anna", uic="DE:HRB98765"))
    assert not is_another_company(company("Alfa", uic="BG111111111"), company("Beta", uic="BG111111111"))


_NAMES = st.sampled_from(["", "Anna", "Ben", "Alfa", "Beta"])
_KEYS = st.builds(TaxNumbers, *[st.sampled_from(["", f"BG{kind}1", f"BG{kind}2", "DE:1"]) for kind in range(3)])
PARTIES = st.builds(
    lambda name, is_company, keys: Party(name, name if is_company else "", keys), _NAMES, st.booleans(), _KEYS
)


@given(PARTIES, PARTIES)
def test_being_another_is_mutual(one: Party, two: Party) -> None:
    assert is_another(one, two) == is_another(two, one)
    assert is_another_company(one, two) == is_another_company(two, one)
    assert not is_another(one, one)


@given(PARTIES, PARTIES)
def test_a_number_never_goes_to_another_name(one: Party, two: Party) -> None:
    """Two that are the same without a company number in common have no two numbers of a kind, and one name if one
    of them lacks a number of the other."""
    in_common = {one.keys.uic, one.keys.vat} & {two.keys.uic, two.keys.vat} - {""}
    kinds = [(getattr(one.keys, kind), getattr(two.keys, kind)) for kind in ("uic", "vat", "personal")]
    if any(a and b and a != b for a, b in kinds):
        assert in_common or is_another(one, two)
    if any(bool(a) != bool(b) for a, b in kinds) and not names_agree(one.name, two.name):
        assert in_common or is_another(one, two)
