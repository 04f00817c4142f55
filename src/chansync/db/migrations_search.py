"""The SQL of the migration ``search``; only ``chansync.db.migrations`` runs it.

Looking through a million sentences takes a tenth of a second and more, with every key that somebody types. An index of
their three-letter pieces answers in a few milliseconds. It holds no text of its own (``message_words`` gives it), and
no positions: what it finds is looked at again.

Written one message at a time it would cost more than the message itself, so it is written for ``message_text_upto``
and what lies before it, in portions of 512 messages; the few that came after are looked through. The two line breaks
at the end of the words let pieces begin at every letter, so that one or two letters are found by the beginnings.
"""

from __future__ import annotations

_PORTION = 512


def _words(row: str) -> str:
    return f"{row}.order_number || char(10) || {row}.sentence || char(10, 10)"


SEARCH = f"""
CREATE INDEX message_by_code ON message (code);
CREATE INDEX message_by_severity ON message (severity);
CREATE TABLE message_text_upto (
    id INTEGER NOT NULL
) STRICT;
INSERT INTO message_text_upto SELECT coalesce(max(id), 0) FROM message;
CREATE VIEW message_words AS SELECT id, {_words("message")} AS words FROM message;
CREATE VIRTUAL TABLE message_text USING fts5 (
    words, content = 'message_words', content_rowid = 'id', tokenize = 'trigram', detail = none, columnsize = 0
);
CREATE VIRTUAL TABLE message_pieces USING fts5vocab (message_text, instance);
INSERT INTO message_text (message_text) VALUES ('rebuild');
CREATE TRIGGER message_text_portion AFTER INSERT ON message
WHEN NEW.id >= (SELECT id FROM message_text_upto) + {_PORTION}
BEGIN
    INSERT INTO message_text (rowid, words)
    SELECT m.id, {_words("m")} FROM message m WHERE m.id > (SELECT id FROM message_text_upto);
    UPDATE message_text_upto SET id = NEW.id; END;
CREATE TRIGGER message_text_again AFTER INSERT ON message WHEN NEW.id <= (SELECT id FROM message_text_upto)
BEGIN
    INSERT INTO message_text (rowid, words) VALUES (NEW.id, {_words("NEW")}); END;
CREATE TRIGGER message_text_change AFTER UPDATE OF order_number, sentence ON message
WHEN OLD.id <= (SELECT id FROM message_text_upto)
    AND (NEW.order_number, NEW.sentence) IS NOT (OLD.order_number, OLD.sentence)
BEGIN
    INSERT INTO message_text (message_text, rowid, words) VALUES ('delete', OLD.id, {_words("OLD")});
    INSERT INTO message_text (rowid, words) VALUES (NEW.id, {_words("NEW")}); END;
CREATE TRIGGER message_text_delete AFTER DELETE ON message WHEN OLD.id <= (SELECT id FROM message_text_upto)
BEGIN
    INSERT INTO message_text (message_text, rowid, words) VALUES ('delete', OLD.id, {_words("OLD")}); END;
"""
