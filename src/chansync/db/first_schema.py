"""The schema of the database, a script for each family of tables; migrations that come after it change it.

Amounts are whole minor units of the row's currency (INTEGER), times are milliseconds since the epoch in UTC (INTEGER,
``…_at``), days are ISO text, structured values are JSON text. The SQL stays within what SQLite 3.40 understands.
"""

from __future__ import annotations

from chansync.db import first_ledger_schema

CHANNELS = """
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE integration_system (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    connected_at INTEGER
) STRICT;
CREATE TABLE system_parameter (
    system_id INTEGER NOT NULL REFERENCES integration_system ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (system_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE system_secret (
    system_id INTEGER NOT NULL REFERENCES integration_system ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    set_at INTEGER NOT NULL,
    PRIMARY KEY (system_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE system_lookup (
    system_id INTEGER NOT NULL REFERENCES integration_system ON DELETE CASCADE,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    title TEXT NOT NULL,
    position INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (system_id, kind, code)
) STRICT, WITHOUT ROWID;
CREATE TABLE system_state (
    system_id INTEGER NOT NULL REFERENCES integration_system ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL DEFAULT '{}',
    owner TEXT,
    lease_until INTEGER,
    PRIMARY KEY (system_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE channel (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    system_id INTEGER NOT NULL REFERENCES integration_system,
    used INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1,
    facts TEXT NOT NULL DEFAULT '{}',
    connected_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE TABLE channel_parameter (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (channel_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE channel_secret (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    set_at INTEGER NOT NULL,
    PRIMARY KEY (channel_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE mapping (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('payment', 'delivery', 'item', 'tax')),
    site_code TEXT NOT NULL,
    title TEXT NOT NULL DEFAULT '',
    on_site INTEGER NOT NULL DEFAULT 0,
    target TEXT,
    PRIMARY KEY (channel_id, kind, site_code)
) STRICT, WITHOUT ROWID;
CREATE TABLE lookup (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    title TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    on_site INTEGER NOT NULL DEFAULT 1,
    position INTEGER NOT NULL DEFAULT 0,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (channel_id, kind, code)
) STRICT, WITHOUT ROWID;
"""

#: The columns of an order; the first schema has one more.
ORDER_COLUMNS = """
    id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    external_id TEXT NOT NULL,
    number TEXT NOT NULL,
    status TEXT NOT NULL,
    placed_at INTEGER NOT NULL,
    placed_on TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    currency TEXT NOT NULL,
    total TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('skipped', 'problem', 'imported')),
    reason TEXT NOT NULL DEFAULT '',
    digest TEXT NOT NULL,
    todo TEXT NOT NULL DEFAULT '[]',
    own_status TEXT,
    raw TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    first_seen_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    sent_by_site INTEGER NOT NULL DEFAULT 0,
    customer TEXT NOT NULL DEFAULT '',
"""

#: Its indexes, but for that of the lists of a channel.
ORDER_INDEXES = """CREATE INDEX order_by_number ON "order" (channel_id, number);
CREATE INDEX order_due ON "order" (channel_id, next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX order_skipped ON "order" (channel_id, status) WHERE state = 'skipped';
-- The lists are read a page at a time in their own order: these hold that order and every column that filters look at,
-- so that a filter that matches little reads narrow entries and never the site's data of an order.
CREATE INDEX order_listed ON "order" (changed_at, id, state, status, channel_id, number, customer);
CREATE INDEX order_problems ON "order" (changed_at, id) WHERE state = 'problem';
"""

ORDERS = f"""
CREATE TABLE "order" ({ORDER_COLUMNS}    sale_id INTEGER UNIQUE REFERENCES erp_sale,
    UNIQUE (channel_id, external_id)
) STRICT;
{ORDER_INDEXES}CREATE INDEX order_of_channel ON "order" (channel_id, changed_at, id, state, status, sale_id);
CREATE TABLE order_refund (
    order_id INTEGER NOT NULL REFERENCES "order" ON DELETE CASCADE,
    external_id TEXT NOT NULL,
    total TEXT NOT NULL,
    reason TEXT NOT NULL,
    lines TEXT,
    PRIMARY KEY (order_id, external_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_refund_without_lines ON order_refund (order_id) WHERE lines IS NULL;
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    system_id INTEGER NOT NULL REFERENCES integration_system ON DELETE CASCADE,
    place TEXT NOT NULL,
    external_id TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    raw TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    UNIQUE (system_id, external_id)
) STRICT;
CREATE INDEX inbox_by_place ON inbox (system_id, place, id);
"""

RUNS_AND_JOBS = """
CREATE TABLE stream (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    stream TEXT NOT NULL,
    cursor TEXT,
    cursor_start TEXT,
    owner TEXT,
    lease_until INTEGER,
    last_started_at INTEGER,
    last_finished_at INTEGER,
    last_ok_at INTEGER,
    next_run_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (channel_id, stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    stream TEXT NOT NULL,
    trigger TEXT NOT NULL,
    owner TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'stopped')),
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    expected INTEGER,
    fetched INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    problems INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    sentence TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX run_by_channel ON run (channel_id, id);
CREATE INDEX run_running ON run (state) WHERE state = 'running';
CREATE INDEX run_by_time ON run (started_at, created);
-- Sums of finished runs: the runs themselves are pruned.
CREATE TABLE run_total (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    stream TEXT NOT NULL,
    state TEXT NOT NULL,
    runs INTEGER NOT NULL,
    created INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    PRIMARY KEY (channel_id, stream, state)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER run_ends AFTER UPDATE OF state ON run WHEN OLD.state = 'running' AND NEW.state <> 'running'
BEGIN
    INSERT INTO run_total (channel_id, stream, state, runs, created, requests, bytes, milliseconds)
    VALUES (NEW.channel_id, NEW.stream, NEW.state, 1, NEW.created, NEW.requests, NEW.bytes,
        max(0, coalesce(NEW.finished_at, NEW.started_at) - NEW.started_at))
    ON CONFLICT (channel_id, stream, state) DO UPDATE SET runs = runs + 1, created = created + excluded.created,
        requests = requests + excluded.requests, bytes = bytes + excluded.bytes,
        milliseconds = milliseconds + excluded.milliseconds; END;
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    channel_id INTEGER REFERENCES channel ON DELETE CASCADE,
    args TEXT NOT NULL DEFAULT '{}',
    asked_by TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    owner TEXT,
    lease_until INTEGER,
    progress TEXT NOT NULL DEFAULT '{}',
    result TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER
) STRICT;
CREATE INDEX job_open ON job (state, id) WHERE state IN ('queued', 'running');
CREATE TABLE daemon (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    owner TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    version TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    beat_at INTEGER NOT NULL,
    stopped_at INTEGER
) STRICT;
"""

PUSHES = """
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    order_id INTEGER NOT NULL REFERENCES "order" ON DELETE CASCADE,
    event TEXT NOT NULL CHECK (event IN ('written out', 'written out and paid', 'cancelled')),
    status TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('due', 'sent', 'confirmed', 'dropped', 'superseded')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX outbox_open_once ON outbox (order_id) WHERE state IN ('due', 'sent');
CREATE INDEX outbox_due ON outbox (channel_id, id) WHERE state IN ('due', 'sent');
CREATE INDEX outbox_by_order ON outbox (order_id, id);
CREATE TABLE site_item (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    item TEXT NOT NULL,
    site_id TEXT NOT NULL,
    parent_id TEXT NOT NULL DEFAULT '',
    sku TEXT NOT NULL DEFAULT '',
    on_site TEXT NOT NULL DEFAULT '',
    removed_by_us TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    failures INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    looked_at INTEGER NOT NULL,
    PRIMARY KEY (channel_id, item, site_id)
) STRICT, WITHOUT ROWID;
"""

MESSAGES = """
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    channel_id INTEGER REFERENCES channel ON DELETE CASCADE,
    order_id INTEGER REFERENCES "order" ON DELETE CASCADE,
    order_number TEXT NOT NULL DEFAULT '',
    run_id INTEGER REFERENCES run ON DELETE SET NULL,
    severity TEXT NOT NULL CHECK (severity IN ('problem', 'warning', 'info')),
    code TEXT NOT NULL,
    sentence TEXT NOT NULL,
    data TEXT NOT NULL DEFAULT '{}',
    count INTEGER NOT NULL DEFAULT 1,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    open INTEGER NOT NULL DEFAULT 0,
    solved_at INTEGER,
    solved_by TEXT
) STRICT;
CREATE UNIQUE INDEX message_open_once ON message (coalesce(channel_id, 0), coalesce(order_id, 0), code) WHERE open = 1;
CREATE INDEX message_by_channel ON message (channel_id, id);
CREATE INDEX message_open ON message (channel_id, id) WHERE open = 1;
CREATE INDEX message_by_time ON message (last_at);
CREATE INDEX message_of_order ON message (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX message_of_run ON message (run_id) WHERE run_id IS NOT NULL;
"""

# How many messages are added to the search index at once: one by one would cost more than writing the messages.
_PORTION = 512


def _words(row: str) -> str:
    return f"{row}.order_number || char(10) || {row}.sentence || char(10, 10)"


# A trigram index answers searches among a million messages in milliseconds. It stores no text (``message_words`` gives
# it) and no positions: each hit is compared again. Messages after ``message_text_upto`` are not in the index yet and
# are scanned. The two line breaks at the end of the words let a trigram begin at every letter, so that one or two
# letters are found as the beginning of one.
SEARCH = f"""
CREATE INDEX message_by_code ON message (code);
CREATE INDEX message_by_severity ON message (severity);
CREATE TABLE message_text_upto (
    id INTEGER NOT NULL
) STRICT;
INSERT INTO message_text_upto VALUES (0);
CREATE VIEW message_words AS SELECT id, {_words("message")} AS words FROM message;
CREATE VIRTUAL TABLE message_text USING fts5 (
    words, content = 'message_words', content_rowid = 'id', tokenize = 'trigram', detail = none, columnsize = 0
);
CREATE VIRTUAL TABLE message_pieces USING fts5vocab (message_text, instance);
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

# Triggers write what is to be notified, in the transaction that opens or closes a message: no program can forget it.
NOTICES = """
CREATE TABLE setting_secret (
    name TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE notice_route (
    id INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    service TEXT NOT NULL,
    sealed BLOB,
    told_upto INTEGER NOT NULL DEFAULT 0,
    sending_upto INTEGER,
    last_sent_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    error TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    UNIQUE (user, name)
) STRICT;
CREATE TABLE notice_event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    user TEXT NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('problem', 'solved')),
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX notice_event_of_user ON notice_event (user, id);
CREATE INDEX notice_event_of_message ON notice_event (message_id);
CREATE INDEX notice_user_of_channel ON channel_parameter (value, channel_id) WHERE name = 'notice_user';
CREATE TRIGGER notice_of_problem AFTER INSERT ON message WHEN NEW.open = 1 AND NEW.channel_id IS NOT NULL
BEGIN
    INSERT INTO notice_event (message_id, user, event, at)
    SELECT NEW.id, value ->> '$', 'problem', NEW.first_at FROM channel_parameter
    WHERE channel_id = NEW.channel_id AND name = 'notice_user' AND value ->> '$' <> ''; END;
CREATE TRIGGER notice_of_own_problem AFTER INSERT ON message WHEN NEW.open = 1 AND NEW.channel_id IS NULL
BEGIN
    INSERT INTO notice_event (message_id, user, event, at)
    SELECT DISTINCT NEW.id, value ->> '$', 'problem', NEW.first_at FROM channel_parameter
    WHERE name = 'notice_user' AND value ->> '$' <> ''; END;
CREATE TRIGGER notice_of_solution AFTER UPDATE OF open ON message
WHEN OLD.open = 1 AND NEW.open = 0 AND NEW.solved_by IS NOT 'another reason'
BEGIN
    INSERT INTO notice_event (message_id, user, event, at)
    SELECT DISTINCT NEW.id, user, 'solved', NEW.solved_at FROM notice_event
    WHERE message_id = NEW.id AND event = 'problem'; END;
CREATE TRIGGER notice_of_new_user BEFORE INSERT ON channel_parameter
WHEN NEW.name = 'notice_user' AND NEW.value ->> '$' <> '' AND NEW.value IS NOT
    (SELECT value FROM channel_parameter WHERE channel_id = NEW.channel_id AND name = 'notice_user')
BEGIN
    INSERT INTO notice_event (message_id, user, event, at)
    SELECT m.id, NEW.value ->> '$', 'problem', m.first_at FROM message m
    WHERE m.channel_id = NEW.channel_id AND m.open = 1 AND NOT EXISTS
        (SELECT 1 FROM notice_event e WHERE e.message_id = m.id AND e.user = NEW.value ->> '$'); END;
"""

#: In the order in which they are run.
SCRIPTS = (
    CHANNELS,
    ORDERS,
    RUNS_AND_JOBS,
    PUSHES,
    MESSAGES,
    SEARCH,
    NOTICES,
    first_ledger_schema.SETUP,
    first_ledger_schema.LEDGER,
)
