"""Who is told what and when: over a real mail server and a real web hook."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from chansync.db.connection import Store, open_async
from chansync.demo.ports import hold_port, port_of
from chansync.model.errors import UsageError
from chansync.model.times import now_ms
from chansync.notices import mail, notifier, settings
from chansync.notices.digest import Notice, fitted
from chansync.notices.notifier import Notifier
from chansync.notices.settings import MailServer
from chansync.store import channels, messages, notices
from support import mailbox, world
from support.mailbox import PASSWORD, USER, Mailbox


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox.mail_server() as server:
        yield server


@pytest.fixture
def told(company: Store, box: Mailbox) -> Store:
    """A company whose channel ``shop`` tells anna, by the mail server."""
    company.db.execute("INSERT INTO erp_user (code, name, email) VALUES ('anna', 'Anna', 'anna@shop.example')")
    company.db.execute("INSERT INTO erp_user (code, name, email) VALUES ('bob', 'Bob', 'bob@shop.example')")
    _configure(company, notice_user="anna")
    use(company, box.port)
    return company


def use(store: Store, port: int) -> None:
    settings.change(
        store,
        {
            "smtp_host": "127.0.0.1",
            "smtp_port": str(port),
            "smtp_security": "none",
            "mail_from": "chansync@shop.example",
        },
    )


def _configure(store: Store, code: str = "shop", **changes: object) -> None:
    channel = channels.channel(store.db, code)
    channels.save_channel(store.db, channel.id, changes, {})


def problem(store: Store, number: int, code: str = "item_unknown", channel: int | None = 1) -> None:
    """An order with a problem."""
    order: int = store.db.execute(
        """INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at, currency,
           total, state, digest, first_seen_at, changed_at) VALUES (?, ?, ?, '', 0, '', 0, '', '', 'problem', '', 0, 0)
           ON CONFLICT DO UPDATE SET status = '' RETURNING id""",
        (channel, str(number), str(number)),
    ).get
    messages.log(
        store.db, code, f"Order {number}: no item\n\x1b[31mwith SKU X{number}.", channel_id=channel, order_id=order,
        order_number=str(number), data={"email": "customer@example.com"},
    )  # fmt: skip


def solve(store: Store, number: int) -> None:
    order = store.db.execute('SELECT id FROM "order" WHERE number = ?', (str(number),)).get
    messages.solve_order(store.db, order, "the order went through")


def turn(store: Store, *, collect: float = 0.0) -> None:
    """One look of a daemon that has just been started."""

    async def whole() -> None:
        opened = await open_async(store.path)
        try:
            await Notifier(opened, collect=collect).turn()
        finally:
            await opened.aclose()

    asyncio.run(whole())


def later(store: Store) -> None:
    """Let the time pass that a user is left alone, and that a failed notice waits."""
    store.db.execute("UPDATE notice_route SET last_sent_at = last_sent_at - 3600000, next_try_at = 0")


def test_a_problem_is_told_once_and_its_solution_once(told: Store, box: Mailbox) -> None:
    problem(told, 1001)
    turn(told)
    assert box.subjects == ["chansync: 1 new problem (shop)"]
    assert box.mails[0]["To"] == "anna@shop.example"
    assert "Order 1001: no item [31mwith SKU X1001." in box.last
    assert "What to do: Create the item in the ERP" in box.last
    assert "Open now: 1 in shop." in box.last
    assert "customer@example.com" not in box.last
    for _ in range(3):
        # It comes again at every try, and nobody wants to hear of it again.
        problem(told, 1001)
        later(told)
        turn(told)
    assert len(box.mails) == 1
    solve(told, 1001)
    turn(told)
    later(told)
    turn(told)
    assert box.subjects[1:] == ["chansync: 1 solved (shop)"]
    assert "No problem is open now." in box.last


def test_many_problems_are_one_mail_with_counts_and_the_first_sentences(told: Store, box: Mailbox) -> None:
    for number in range(1, 501):
        problem(told, number, "item_unknown" if number % 5 else "payment_unmapped")
    turn(told)
    assert box.subjects == ["chansync: 500 new problems (shop)"]
    assert "shop: 400 x An ordered item is not in the ERP" in box.last
    assert "shop: 100 x A payment method is not mapped" in box.last
    assert "and 397 more" in box.last
    assert len(box.last.splitlines()) < 40


@pytest.mark.long
def test_five_thousand_problems_of_hundreds_of_channels_are_one_mail_of_two_pages(told: Store, box: Mailbox) -> None:
    for channel in range(2, 302):
        told.db.execute(
            "INSERT INTO channel (id, code, system_id, used, created_at, updated_at) VALUES (?, ?, 1, 1, 0, 0)",
            (channel, f"shop{channel}"),
        )
        told.db.execute("INSERT INTO channel_parameter VALUES (?, 'notice_user', '\"anna\"')", (channel,))
        messages.log(told.db, "site_unavailable", "The site cannot be reached.", channel_id=channel)
    for number in range(4700):
        problem(told, number)
    turn(told)
    assert box.subjects == ["chansync: 5000 new problems (301 channels)"]
    assert "shop: 4700 x An ordered item is not in the ERP" in box.last
    assert "And 289 more in 289 channels." in box.last
    assert len(box.last) < 6000
    assert len(box.last.splitlines()) < 80


def test_a_problem_that_comes_and_goes_is_told_once_an_hour(told: Store, box: Mailbox) -> None:
    def flaps() -> None:
        problem(told, 1)
        turn(told)
        solve(told, 1)

    def ten_minutes_later() -> None:
        told.db.execute("UPDATE notice_route SET last_sent_at = last_sent_at - 600000")

    for _ in range(100):
        flaps()
        ten_minutes_later()
    # Told as ever until it is known to come and go; then once in an hour of the 16 that this took.
    assert 15 <= len(box.mails) <= 24, len(box.mails)
    flaps()
    ten_minutes_later()
    # Something else is told at once, and with it what waited.
    problem(told, 2)
    turn(told)
    assert "Order 2:" in box.last
    assert "Order 1:" in box.last


def test_an_address_from_elsewhere_begins_no_header_of_its_own(told: Store, box: Mailbox) -> None:
    told.db.execute("UPDATE erp_user SET email = 'anna@shop.example' || char(10) || 'Bcc: eve@x.example'")
    problem(told, 1)
    turn(told)
    assert box.mails == []
    [failed] = told.db.execute("SELECT sentence FROM message WHERE code = 'notice_failed' AND open = 1")
    assert "No mail can be sent from chansync@shop.example to anna@shop.example Bcc: eve@x.example." in failed[0]
    told.db.execute("UPDATE erp_user SET email = 'anna@shop.example'")
    later(told)
    turn(told)
    assert [mail["To"] for mail in box.mails] == ["anna@shop.example"]


@pytest.mark.parametrize("longest", [160, 2000, 4096, 32768])
def test_a_notice_fits_what_the_service_takes(longest: int) -> None:
    notice = Notice("chansync: 12 new problems (shop)", "".join(f"{n}: {'ä' * 300}\n" for n in range(30)))
    short = fitted(notice, longest)
    assert len(short.subject) + len(short.body) <= longest
    assert (short == notice) == (longest == 32768)
    if short != notice:
        assert short.body.endswith("… More: chansync log --open")


def test_problems_are_collected_and_a_user_is_left_alone_between_two_notices(told: Store, box: Mailbox) -> None:
    problem(told, 1)
    turn(told, collect=30)
    assert box.mails == []
    turn(told)
    problem(told, 2)
    solve(told, 1)
    turn(told)
    assert len(box.mails) == 1
    later(told)
    turn(told)
    assert box.subjects[1:] == ["chansync: 1 new problem, 1 solved (shop)"]


def test_what_came_and_went_between_two_notices_is_told_as_solved(told: Store, box: Mailbox) -> None:
    problem(told, 1)
    turn(told)
    problem(told, 2)
    solve(told, 2)
    later(told)
    turn(told)
    assert box.subjects[1:] == ["chansync: 1 solved (shop)"]
    assert "(It came and was solved since the last notice.)" in box.last


def test_another_reason_of_the_same_order_is_no_solution(told: Store, box: Mailbox) -> None:
    problem(told, 1, "item_unknown")
    turn(told)
    problem(told, 1, "payment_unmapped")
    later(told)
    turn(told)
    assert box.subjects[1:] == ["chansync: 1 new problem (shop)"]


def test_a_new_notice_user_is_told_what_is_open_already(told: Store, box: Mailbox) -> None:
    problem(told, 1)
    problem(told, 2)
    solve(told, 2)
    turn(told)
    _configure(told, notice_user="bob")
    _configure(told, description="saved again", notice_user="bob")
    turn(told)
    assert [mail["To"] for mail in box.mails] == ["anna@shop.example", "bob@shop.example"]
    assert box.subjects[1] == "chansync: 1 new problem (shop)"


@pytest.fixture
def gone() -> Iterator[int]:
    """The port of a mail server that does not run."""
    with hold_port() as held:
        yield port_of(held)


@pytest.mark.parametrize("data", ["{", '{"routes": 1}', '{"routes": [[1]]}'])
def test_what_another_program_wrote_into_a_message_stops_no_notice(
    told: Store, box: Mailbox, gone: int, data: str
) -> None:
    port = int(settings.values(told.db)["smtp_port"])
    use(told, gone)
    problem(told, 1)
    turn(told)
    told.db.execute("UPDATE message SET data = ? WHERE code = 'notice_failed'", (data,))
    later(told)
    turn(told)
    told.db.execute("UPDATE message SET data = ? WHERE code = 'notice_failed'", (data,))
    use(told, port)
    later(told)
    turn(told)
    assert "Order 1:" in box.last


def test_what_failed_is_told_when_the_server_is_back_in_one_mail(told: Store, box: Mailbox, gone: int) -> None:
    use(told, gone)
    problem(told, 1)
    turn(told)
    [(sentence, data)] = world.rows(
        told, "SELECT sentence, data FROM message WHERE code = 'notice_failed' AND open = 1"
    )
    assert f"anna by e-mail: The mail server 127.0.0.1:{gone} cannot be reached: Connection refused." in sentence
    assert json.loads(data) == {"routes": [1]}
    for number in range(2, 6):
        problem(told, number)
        turn(told)
    waits = world.rows(told, "SELECT failures FROM notice_route")
    assert waits == [(1,)], "it is tried again after a while, not at every problem"
    with mailbox.mail_server(port=gone) as back:
        later(told)
        turn(told)
        later(told)
        turn(told)
    assert back.subjects == ["chansync: 5 new problems (shop)"], "and nothing about notices themselves"
    assert world.rows(told, "SELECT open, solved_by FROM message WHERE code = 'notice_failed'") == [
        (0, "notices arrive again")
    ]


def test_each_failure_waits_longer(told: Store, gone: int) -> None:
    use(told, gone)
    problem(told, 1)
    for minutes in (1, 5, 15, 30):
        before = now_ms()
        turn(told)
        [(next_try_at,)] = world.rows(told, "SELECT next_try_at FROM notice_route")
        assert before <= next_try_at - minutes * 60_000 <= now_ms()
        later(told)


def test_a_failing_way_is_told_by_the_others(told: Store, box: Mailbox) -> None:
    with mailbox.web_hook() as (address, posts):
        assert notifier.add_service(told, "anna", "hook", f"{address}/token-of-anna") == "JSON"
        box.refuses.add("anna@shop.example")
        problem(told, 1)
        turn(told)
        later(told)
        turn(told)
    assert box.mails == []
    assert [post["title"] for post in posts] == ["chansync: 1 new problem (shop)", "chansync: 1 new problem"]
    assert "550 5.1.1" in posts[1]["message"]
    assert "anna by e-mail: The mail server" in posts[1]["message"]


def test_a_service_that_refuses_is_a_problem_without_its_secrets(told: Store, box: Mailbox) -> None:
    with mailbox.web_hook() as (address, _):
        notifier.add_service(told, "anna", "hook", f"{address}/refuses/token-of-anna")
        problem(told, 1)
        turn(told)
    later(told)
    turn(told)
    assert box.subjects == ["chansync: 1 new problem (shop)", "chansync: 1 new problem"]
    assert "anna by JSON (hook): The service did not take it" in box.last
    everything = b"".join(path.read_bytes() for path in told.path.parent.glob("chansync.db*"))
    assert b"token-of-anna" not in everything + box.last.encode()
    notifier.remove_service(told, "anna", "hook")
    later(told)
    turn(told)
    assert box.subjects[2:] == ["chansync: 1 solved"]


def test_a_notice_that_was_broken_off_by_a_kill_is_sent_again_under_the_same_name(told: Store, box: Mailbox) -> None:
    problem(told, 1)
    problem(told, 2)
    [route] = _routes(told)
    notices.begin(told.db, route)
    problem(told, 3)
    turn(told)
    assert box.subjects == ["chansync: 2 new problems (shop)"]
    first = box.mails[0]["Message-ID"]
    # As if the process had been killed between the server's answer and the note of it.
    told.db.execute("UPDATE notice_route SET sending_upto = told_upto, told_upto = 0, last_sent_at = NULL")
    turn(told)
    assert (box.subjects[1], box.mails[1]["Message-ID"]) == (box.subjects[0], first)
    later(told)
    turn(told)
    assert box.subjects[2:] == ["chansync: 1 new problem (shop)"]
    assert box.mails[2]["Message-ID"] != first


def _routes(store: Store) -> list[notices.Route]:
    notices.give_email_routes(store.db)
    return notices.routes(store.db)


def test_who_is_no_longer_a_notice_user_is_told_nothing(told: Store, box: Mailbox) -> None:
    problem(told, 1)
    _configure(told, notice_user=None)
    turn(told)
    assert box.mails == []
    assert world.rows(told, "SELECT code FROM message WHERE open = 1") == [("item_unknown",)]


def test_without_an_address_or_a_server_the_message_log_says_so(told: Store) -> None:
    settings.change(told, {"smtp_host": ""})
    problem(told, 1)
    turn(told)
    assert (
        "There is no mail server: chansync notices set"
        in world.rows(told, "SELECT sentence FROM message WHERE code = 'notice_failed'")[0][0]
    )
    told.db.execute("UPDATE erp_user SET email = ''")
    later(told)
    turn(told)
    assert (
        "The user has no e-mail address: chansync erp set user anna"
        in world.rows(told, "SELECT sentence FROM message WHERE code = 'notice_failed'")[0][0]
    )


def test_a_clock_that_was_set_back_does_not_silence_notices(told: Store, box: Mailbox) -> None:
    problem(told, 1)
    turn(told)
    told.db.execute("UPDATE notice_route SET last_sent_at = last_sent_at + 86400000")
    problem(told, 2)
    told.db.execute("UPDATE notice_event SET at = at + 86400000")
    turn(told)
    assert len(box.mails) == 2


# What mail servers do


def try_server(box_port: int, security: str = "none", user: str = "", password: str = "", **patience: float) -> str:
    """Send a test; what went wrong, empty where nothing did."""
    server = MailServer("127.0.0.1", box_port, security, user, password, "chansync@shop.example")
    written = mail.compose(Notice("Subject ä", "Body ä\n"), server.sender, "anna@shop.example", "name")
    try:
        asyncio.run(mail.send(server, written, **patience))
    except mail.NoticeFailed as error:
        return str(error)
    return ""


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 by an authority that this computer knows."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_starttls_with_name_and_password(tls: ssl.SSLContext) -> None:
    with mailbox.mail_server(tls=tls, sign_in=True) as box:
        assert try_server(box.port, "starttls", USER, PASSWORD) == ""
        assert (box.signed_in, box.subjects, box.last) == (1, ["Subject ä"], "Body ä\n")
        wrong = try_server(box.port, "starttls", USER, "wrong")
    assert "refused smtp_user and smtp_password: 535" in wrong
    assert "wrong" not in wrong.replace("535", "")


def test_a_certificate_that_nobody_knows_is_refused(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with mailbox.mail_server(tls=tls) as box:
        assert "cannot be trusted: " in try_server(box.port, "starttls")
        assert box.mails == []


def test_a_server_without_starttls_gets_no_password(box: Mailbox) -> None:
    assert "does not offer STARTTLS" in try_server(box.port, "starttls", USER, PASSWORD)
    assert (box.signed_in, box.mails) == (0, [])


def test_tls_to_a_server_that_speaks_plainly_says_which_setting_to_look_at(box: Mailbox) -> None:
    assert "Is smtp_security=tls right?" in try_server(box.port, "tls")


def test_refusals_quote_the_server(box: Mailbox) -> None:
    box.answer = "554 5.7.1 looks like \x1b]0;spam"
    assert try_server(box.port).endswith("did not take the mail: 554 5.7.1 looks like ]0;spam.")
    box.refuses.add("anna@shop.example")
    assert "refused the recipient anna@shop.example: 550 5.1.1" in try_server(box.port)


def test_a_server_that_says_nothing_is_given_up() -> None:
    with mailbox.silent_server() as port:
        assert "took too long to answer" in try_server(port, silence=0.2)
        assert "took too long to answer" in try_server(port, patience=0.2)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (
            {"RCPT": b"450 4.2.0 greylisted, come back\r\n"},
            "refused the recipient anna@shop.example: 450 4.2.0 greylisted",
        ),
        ({"END": b"552 5.2.2 mailbox full\r\n"}, "did not take the mail: 552 5.2.2 mailbox full."),
        ({"MAIL": b"550 \xff\xfe\x1b[31m no\r\n"}, "refused the sender chansync@shop.example: 550"),
        ({"EHLO": b"250-" + b"x" * 100_000 + b"\r\n"}, "Response too long"),
    ],
)
def test_what_a_server_says_against_a_mail_is_quoted(answers: dict[str, bytes], says: str) -> None:
    with mailbox.scripted_server(answers) as port:
        said = try_server(port)
    assert says in said
    assert said.isprintable()
    assert len(said) < 300


def test_a_server_that_hangs_up_amid_a_mail_has_not_got_it() -> None:
    with mailbox.scripted_server({}, hangs_up_in_data=True) as port:
        assert try_server(port).endswith("hung up.")


# Settings


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"smtp_port": "99999"}, "smtp_port is a number from 1 to 65535"),
        ({"smtp_security": "ssl"}, "smtp_security is one of starttls, tls, none"),
        ({"smtp_host": "mail.example:25"}, "smtp_host is a host's name"),
        ({"smtp_host": "mail.example"}, "mail_from is needed"),
        ({"smtp_host": "mail.example", "smtp_user": "a@b.example"}, "smtp_password is needed"),
        ({"smtp_host": "m.example", "smtp_user": "a@b.c", "smtp_password": "x", "smtp_security": "none"}, "in clear"),
        ({"notice_every": "off"}, "notice_every cannot be off"),
        ({"mail_form": "a@b.c"}, "'mail_form' is no setting"),
    ],
)
def test_wrong_settings_are_named_and_change_nothing(company: Store, texts: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match="Nothing was changed") as raised:
        settings.change(company, texts)
    assert says in str(raised.value)
    assert world.rows(company, "SELECT count(*) FROM setting WHERE name NOT IN ('public_key', 'instance_id')") == [(0,)]


def test_the_password_is_sealed(company: Store) -> None:
    settings.change(company, {"smtp_host": "m.example", "smtp_user": "a@b.c", "smtp_password": PASSWORD})
    server = settings.mail_server(company.db, company.path)
    assert server is not None
    assert (server.password, server.port, server.sender) == (PASSWORD, 587, "a@b.c")
    everything = b"".join(path.read_bytes() for path in company.path.parent.glob("chansync.db*"))
    assert PASSWORD.encode() not in everything


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "of no service"),
        ("nonsense", "of no service"),
        ("nonsense://x", "tgram://TOKEN/CHAT"),
        ("http://[", "of no service"),
        ("json://", "it is written jsons://HOST/PATH"),
    ],
)
def test_an_address_of_no_allowed_service_is_refused(told: Store, address: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        notifier.add_service(told, "anna", "hook", address)
