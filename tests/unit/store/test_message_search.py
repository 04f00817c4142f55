"""The filters of the message log: what they find is what reading every message would find."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chansync.db.connection import Store, open_store
from chansync.db.transaction import transaction
from chansync.store import message_search, messages
from chansync.store.message_search import Filter

CODES = {"item_unknown": "problem", "customer_ambiguous": "warning", "connected": "info"}

#: Sentences that differ in letters, case, script, and in the signs of patterns and of queries.
SENTENCES = (
    "no item with the SKU 'A-{n}'",
    'the method "klarna_{n}" is not mapped',
    "100% of {n}\\{n} taken",
    "Größe ÄÖÜ straße µ {n}",
    "東京都 {n} 注文",
    "NOT mapped AND (taken OR mapped)* {n}",
    "x{n}",
    "",
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A log with more messages than a portion of the index, some changed and some gone since they were written."""
    store = open_store(tmp_path_factory.mktemp("log") / "chansync.db")
    db = store.db
    with transaction(db):
        db.execute("INSERT INTO integration_system (code, name, kind, created_at) VALUES ('s', 's', 'woocommerce', 0)")
        for code in ("one", "two", "three"):
            db.execute("INSERT INTO channel (code, system_id, created_at, updated_at) VALUES (?, 1, 0, 0)", (code,))
    for n in range(1, 1301):
        code = list(CODES)[n % 3]
        with transaction(db):
            db.execute(
                """INSERT INTO message (channel_id, order_number, severity, code, sentence, first_at, last_at, open)
                   VALUES (?, ?, ?, ?, ?, ?, ?, 0)""",
                (1 + n * n % 3, str(n), CODES[code], code, SENTENCES[n % len(SENTENCES)].format(n=n), n, n),
            )
    with transaction(db):
        db.execute("UPDATE message SET sentence = 'another ' || sentence WHERE id % 50 = 0")
        db.execute("UPDATE message SET count = count + 1 WHERE id % 7 = 0")
        db.execute("DELETE FROM message WHERE id % 9 = 0 OR id > 1290")
        db.execute(
            """INSERT INTO message (order_number, severity, code, sentence, first_at, last_at)
               VALUES ('77', 'info', 'connected', 'of no channel', 0, 0)"""
        )
    yield store
    store.close()


def _folded(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _read_through(db: apsw.Connection, chosen: Filter) -> list[int]:
    """The filter's messages, newest first, found by looking at every one."""
    text = _folded(chosen.text)
    rows = db.execute("SELECT id, channel_id, severity, code, last_at, sentence, order_number FROM message")
    return sorted(
        (
            row[0]
            for row in rows
            if chosen.channel_id in (None, row[1])
            and chosen.severity in (None, row[2])
            and chosen.code in (None, row[3])
            and (chosen.since is None or row[4] >= chosen.since)
            and (chosen.until is None or row[4] < chosen.until)
            and (chosen.after_id is None or row[0] > chosen.after_id)
            and (text in _folded(row[5]) or text in _folded(row[6]))
        ),
        reverse=True,
    )


TEXTS = st.one_of(
    st.sampled_from(["", "a", "x", "zq", "12", "%", "_", "\\", '"', "klarna_1", "100%", "not mapped", "NOT", "ö", "Ö"]),
    st.sampled_from(["ÄÖÜ", "ß", "ẞ", "µ", "京都", "東", "注文", "  ", "' OR", "and (", ")*", "another", "\\1", "7"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4),
)


@settings(deadline=None)
@given(
    text=TEXTS,
    channel_id=st.sampled_from([None, None, 1, 2, 3, 9]),
    severity=st.sampled_from([None, None, *CODES.values()]),
    code=st.sampled_from([None, None, *CODES, "no_document"]),
    since=st.sampled_from([None, None, 0, 900, 1290]),
    until=st.sampled_from([None, None, None, 0, 900, 1290]),
    after_id=st.sampled_from([None, None, 0, 600, 1280]),
    bounds=st.sampled_from([(20_000, 500), (300, 20), (2, 1)]),
    limit=st.sampled_from([1, 7, 2000]),
)
def test_a_filter_finds_what_reading_every_message_finds(
    log: Store,
    text: str,
    channel_id: int | None,
    severity: str | None,
    code: str | None,
    since: int | None,
    until: int | None,
    after_id: int | None,
    bounds: tuple[int, int],
    limit: int,
) -> None:
    chosen = Filter(channel_id, severity, code, False, since, text, after_id, until=until)
    wanted = _read_through(log.db, chosen)
    with pytest.MonkeyPatch.context() as patch:
        # With low bounds a few hundred messages are searched in the ways that a million are.
        patch.setattr(message_search, "_RARE", bounds[0])
        patch.setattr(message_search, "_PORTION", bounds[1])
        found = [message.id for message in messages.messages(log.db, chosen, limit=limit)]
        assert found == wanted[:limit]
        found = [message.id for message in messages.messages(log.db, chosen, limit=limit, oldest_first=True)]
        assert found == wanted[::-1][:limit]
        older = [message.id for message in messages.messages(log.db, chosen, limit=limit, before_id=700)]
        assert older == [each for each in wanted if each < 700][:limit]


@pytest.mark.parametrize("text", ["\0", "ab\0cd", "\ud800", "\ud800abc"])
def test_what_no_message_can_hold_is_found_in_none(log: Store, text: str) -> None:
    assert messages.messages(log.db, Filter(text=text)) == []


def test_the_index_of_pieces_follows_what_happens_to_messages(log: Store) -> None:
    log.db.execute("INSERT INTO message_text (message_text) VALUES ('integrity-check')")
    upto = log.db.execute("SELECT id FROM message_text_upto").get
    indexed = {row[0] for row in log.db.execute("SELECT DISTINCT doc FROM message_pieces")}
    assert upto > 1000
    assert indexed == {row[0] for row in log.db.execute("SELECT id FROM message WHERE id <= ?", (upto,))}
