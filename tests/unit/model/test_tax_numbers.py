"""One number has one key however it is written; what is no number identifies nobody."""

from __future__ import annotations

import pkgutil
from typing import cast

import pytest
import stdnum
from hypothesis import given
from hypothesis import strategies as st
from stdnum.bg import vat as bulgarian
from stdnum.gr import vat as greek
from stdnum.iso7064 import mod_11_10

from chansync.model.order import TaxNumbers
from chansync.model.tax_numbers import KINDS, Kind, TaxNumber, read_number, read_numbers

COUNTRIES = [found.name.rstrip("_").upper() for found in pkgutil.iter_modules(stdnum.__path__) if found.ispkg]

# Each number is written as: kind, the order's country or -, what was typed.
SAME = [
    ["vat GR EL094259216", "vat GR GR094259216", "vat GR 094259216", "vat - el 094 259 216", "vat GR ΕΛ094259216"],
    ["uic BG 175074752", "uic BG BG175074752", "uic DE 175-074-752", "uic BG ЕИК 175074752", "vat BG BG175074752",
     "vat BG 175074752", "vat DE bg 175 074 752", "vat BG БГ175074752", "vat BG ВG175074752",
     "vat BG ДДС № BG175074752"],
    ["vat BG BG7501020018", "personal BG 7501020018", "personal DE 750102 0018"],
    ["vat DE DE136695976", "vat DE 136695976", "vat FR DE 136.695.976", "uic DE DE136695976",
     "vat AT USt-IdNr. DE136695976", "vat DE ＤＥ１３６６９５９７６"],
    ["vat FR FR40303265045", "vat FR 40 303 265 045", "uic FR 303 265 045", "vat FR 303265045"],
    ["vat SE SE556042722001", "uic SE 556042-7220"],
    ["vat NO NO 995 525 828 MVA", "uic NO 995525828"],
    ["vat CH CHE-107.787.577 IVA", "uic CH CHE-107.787.577", "vat DE CHE107787577 MWST"],
    ["vat GB GB 980 7806 84", "vat IE XI980780684", "vat GB 980780684"],
    ["vat HU HU12892312", "vat HU 12892312-2-42", "uic HU 12892312242"],
    ["vat BE 0428759497", "vat BE BE 428.759.497", "uic BE 0428.759.497"],
    ["vat CZ CZ25123891", "uic CZ 251 238 91"],
    ["vat RO RO18547290", "uic RO 18547290"],
    ["vat ES ES54362315K", "personal ES 54362315-k"],
    ["vat US 91-1144442", "vat US 911144442", "uic US US911144442"],
    ["uic DE HRB 98765", "uic DE hrb98765"],
]  # fmt: skip

NOBODYS = [
    "vat DE n/a", "vat - N/A", "uic US none", "uic BG няма", "personal BG нет", "vat DE keine USt-IdNr.", "uic DE 0",
    "uic BG 000000000", "vat BG BG000000000", "vat US 111 111 111", "personal BG 9999999999",
    "personal ES 12345678Z", "uic US 123", "vat PT 123456789", "vat PT 999999990", "vat MX XAXX010101000",
    "vat DE DE123456789", "vat DE 136695977", "vat US DE136695977", "uic BG 175074753", "personal BG 7501020019",
    "vat BG BG17507475", "vat GR ΝΑΙ", "uic - ٣",
]  # fmt: skip


def typed_of(written: str) -> str:
    return written.split(" ", 2)[2]


def read(written: str) -> TaxNumber:
    kind, country, typed = written.split(" ", 2)
    return read_number(cast(Kind, kind), typed, () if country == "-" else (country,))


@pytest.mark.parametrize("writings", SAME, ids=[group[0] for group in SAME])
def test_one_number_has_one_key(writings: list[str]) -> None:
    keys = {written: read(written).key for written in writings}
    assert len(set(keys.values())) == 1, keys
    assert "" not in keys.values()


def test_different_numbers_have_different_keys() -> None:
    keys = [read(group[0]).key for group in SAME]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("written", NOBODYS)
def test_what_is_no_number_identifies_nobody_and_stays_as_typed(written: str) -> None:
    found = read(written)
    assert (found.key, found.text) == ("", typed_of(written))
    assert found.fault


@pytest.mark.parametrize("typed", ["", "  ", "-", "—", "./."])
def test_nothing_typed_is_nothing(typed: str) -> None:
    assert {read_number(kind, typed, ("BG",)) for kind in KINDS} == {TaxNumber()}


def test_an_orders_numbers_are_read_apart() -> None:
    found = read_numbers(TaxNumbers(uic="0", vat="bg 175 074 752", personal="7501020018"), ("BG",))
    assert found.kept == TaxNumbers("0", "BG175074752", "7501020018")
    assert found.valid == TaxNumbers("", "BG175074752", "7501020018")
    assert found.keys == TaxNumbers("", "BG175074752", "BG7501020018")
    assert found.faults.keys() == {"uic"}


def test_the_deliverys_country_is_asked_where_the_billings_does_not_know_a_number() -> None:
    assert read_number("vat", "175074752", ("DE", "BG")).text == "BG175074752"
    assert read_number("vat", "136695976", ("DE", "BG")).text == "DE136695976"


DIGITS = st.text("0123456789", min_size=8, max_size=8).filter(lambda digits: len(set(digits)) > 2)


def valid_numbers() -> st.SearchStrategy[tuple[str, str, str]]:
    """Country, its prefix and a number whose check digit is right."""
    return DIGITS.flatmap(
        lambda digits: st.sampled_from(
            [
                ("BG", "BG", digits + bulgarian.calc_check_digit_legal(digits)),
                ("GR", "EL", digits + greek.calc_check_digit(digits)),
                ("DE", "DE", "1" + digits[1:] + mod_11_10.calc_check_digit("1" + digits[1:])),
            ]
        )
    )


@given(valid_numbers(), st.text(" -./", max_size=3), st.integers(0, 8), st.booleans(), st.booleans())
def test_neither_prefix_nor_separators_nor_case_make_another_number(
    number: tuple[str, str, str], separator: str, place: int, with_prefix: bool, lower: bool
) -> None:
    country, prefix, digits = number
    typed = (prefix if with_prefix else "") + digits[:place] + separator + digits[place:]
    found = read_number("vat", typed.lower() if lower else typed, (country,))
    assert (found.text, found.key) == (prefix + digits, country + digits)


@given(valid_numbers(), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_identifies_nobody(number: tuple[str, str, str], place: int, more: int) -> None:
    country, prefix, digits = number
    wrong = digits[:place] + str((int(digits[place]) + more) % 10) + digits[place + 1 :]
    found = read_number("vat", prefix + wrong, (country,))
    # The remainder 10 is written 0: of two countries some wrong digits pass.
    assert not found.key or country != "DE"
    assert found.text == prefix + wrong


@given(st.sampled_from(KINDS), st.text(st.characters(categories=("L", "P", "Z"))), st.sampled_from(COUNTRIES))
def test_words_identify_nobody(kind: Kind, typed: str, country: str) -> None:
    assert read_number(kind, typed, (country,)).key == ""


@given(st.sampled_from(KINDS), st.sampled_from("0123456789"), st.integers(1, 20), st.sampled_from(COUNTRIES))
def test_one_digit_repeated_identifies_nobody(kind: Kind, digit: str, times: int, country: str) -> None:
    assert read_number(kind, digit * times, (country,)).key == ""


@given(
    st.sampled_from(KINDS),
    st.text("0123456789ABKXZ-/. ", max_size=20) | st.text(max_size=20),
    st.lists(st.sampled_from(COUNTRIES), max_size=2),
)
def test_whatever_is_typed_is_read_and_what_was_read_reads_as_itself(
    kind: Kind, typed: str, countries: list[str]
) -> None:
    found = read_number(kind, typed, tuple(countries))
    again = read_number(kind, found.text, tuple(countries))
    assert (again.key, again.text) == (found.key, found.text)
    assert bool(found.text) == bool(found.key or found.fault)
