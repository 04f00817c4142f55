"""A mail server and a web hook on loopback that keep what they are given, and servers that misbehave."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from chansync.demo.ports import hold_port, port_of

USER, PASSWORD = "notices", "s3cret-of-the-mail"


class Mailbox:
    """What arrived. ``refuses`` are recipients that the server does not know; ``answer`` is what it says to mail."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.signed_in = 0
        self.refuses: set[str] = set()
        self.answer = ""
        self.port = 0

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if address in self.refuses:
            return f"550 5.1.1 <{address}> no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answer:
            return self.answer
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        ok = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        self.signed_in += ok
        return AuthResult(success=ok, handled=False)

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]

    @property
    def last(self) -> str:
        """The text of the last mail."""
        return str(self.mails[-1].get_content()).replace("\r\n", "\n") if self.mails else ""


@contextlib.contextmanager
def mail_server(*, tls: ssl.SSLContext | None = None, sign_in: bool = False, port: int = 0) -> Iterator[Mailbox]:
    """A mail server on loopback; with ``tls`` it offers STARTTLS, with ``sign_in`` it wants a name and password."""
    box = Mailbox()
    with hold_port() as held:
        box.port = port or port_of(held)
        controller = Controller(
            box, hostname="127.0.0.1", port=box.port, tls_context=tls, auth_required=sign_in,
            authenticator=box.authenticate if sign_in else None, auth_require_tls=tls is not None,
        )  # fmt: skip
        controller.start()
        try:
            yield box
        finally:
            controller.stop()


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


@contextlib.contextmanager
def scripted_server(answers: dict[str, bytes], *, hangs_up_in_data: bool = False) -> Iterator[int]:
    """A mail server that gives these answers to these words (``END``: to a whole mail), and ``250`` to others."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        threading.Thread(target=_follow, args=(listening, answers, hangs_up_in_data), daemon=True).start()
        yield int(listening.getsockname()[1])


def _follow(listening: socket.socket, answers: dict[str, bytes], hangs_up_in_data: bool) -> None:
    connection, _ = listening.accept()
    with connection, connection.makefile("rwb", buffering=0) as talk, contextlib.suppress(OSError):
        talk.write(b"220 mail.example\r\n")
        while line := talk.readline():
            word = line.split()[0].decode().upper().rstrip(":")
            talk.write(answers.get(word, b"354 go on\r\n" if word == "DATA" else b"250 OK\r\n"))
            if word == "DATA" and word not in answers:
                while (line := talk.readline()) and line != b".\r\n":
                    if hangs_up_in_data:
                        return
                talk.write(answers.get("END", b"250 OK\r\n"))


@contextlib.contextmanager
def web_hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address for ``json://``, and what was posted to it."""
    posts: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            refused = self.path.startswith("/refuses")
            if not refused:
                posts.append(json.loads(body))
            self.send_response(403 if refused else 200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}", posts
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def redirecting_hook(target: str) -> Iterator[str]:
    """An address for ``json://`` that sends every request on to another one."""

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(307)
            self.send_header("Location", target.replace("json://", "http://", 1))
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"json://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
