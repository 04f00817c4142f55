"""A hunt for secrets: plant some that are easy to recognise, do everything, let sites say them back in every dress, and
look for pieces of them in whatever was written, printed or shown to other users.
"""

from __future__ import annotations

import base64
import contextlib
import html
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

from chansync.db.connection import open_store
from chansync.demo import company
from chansync.demo.amazon import AmazonServer, Seller
from chansync.demo.ports import hold_port, port_of
from chansync.demo.woocommerce import DemoServer, DemoShop
from support.patience import PATIENCE

# The tests' own helpers, for a run that pytest does not start.
sys.path.insert(0, str(Path(__file__).parents[1]))

from support import shops

SECRETS = {
    "password of the mail server": "Mz8/pw&Ne+ed\"le<7>Qx'41vK",
    "token of a web hook": "T0ken9hook8needle7Vw6Yz5",
    "password of a web hook": "W3bpw2needle1Rr4Tt5",
    "token of Telegram": "918273645:AAE7needleTg6bot5token4Xy3Zw2Vu1Ts",
    "token of Slack": "sN33dleSlackT0ken4321AbCd",
    "password of the proxy": "Pr0xypw9needle8Hh7Jj6",
}

#: A piece of a secret that is so long is a hit.
PIECE = 12

#: How a site may say something back.
DRESSES: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: secret,
    "in an address": lambda secret: quote(secret, safe=""),
    "cut at its end": lambda secret: "x" * 60 + secret,
    "in HTML": lambda secret: "".join(f"&#{ord(character)};" for character in secret),
    "in JSON": lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
}

#: What tells of the installation; the first few say the most.
LOOKING = (
    "log --json", "db backup {folder}/backup.db", "db export messages --json -o {folder}/messages.json",
    "doctor", "channel export", "secrets rotate",
    "log", "log --open", "status", "status --json", "doctor --json", "health --json", "secrets status --json",
    "channel list --json", "channel show demo", "channel show demo --json", "system show amz --json", "system list",
    "notices show --json", "why demo 1", "erp list item", "db export orders --json -o {folder}/orders.json", "db check",
    "retry demo", "notices test",
)  # fmt: skip

#: As which keys are not known within data that is taken over: there, only whole ones are masked (docs/security.md).
CHANGED = ("in HTML",)

Say = Callable[[str], None]


@dataclass(slots=True)
class Front:
    """Stands before the demo store; ``echo`` is what it says instead of answering, ``notes`` what orders hold."""

    behind: str
    echo: Callable[[str], tuple[int, dict[str, str], bytes]] | None = None
    notes: str = ""
    seen: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        self.seen.append(path)
        if self.echo is not None and "/wc/" in path:
            return self.echo(path)
        request = urllib.request.Request(self.behind + path, body or None, headers, method=method)
        try:
            with urllib.request.urlopen(request) as found:
                status, told, data = found.status, dict(found.headers), found.read()
        except urllib.error.HTTPError as error:
            status, told, data = error.code, dict(error.headers), error.read()
        if self.notes and "/orders" in path and status == 200:
            data = _noted(data, self.notes)
        kept = {name: value for name, value in told.items() if name.lower().startswith(("x-wp", "date"))}
        return status, {**kept, "Content-Type": "application/json"}, data


def _noted(data: bytes, note: str) -> bytes:
    orders = json.loads(data)
    for order in orders if isinstance(orders, list) else []:
        if "billing" in order:
            order["customer_note"] = order["billing"]["first_name"] = order["payment_method_title"] = note
            order["payment_method"] = f"unmapped {note}"[:150]
            order["line_items"][0]["name"] = order["line_items"][0]["sku"] = note
    return json.dumps(orders).encode()


@contextlib.contextmanager
def serving(front: Front) -> Iterator[str]:
    """The front as a server on loopback; its address."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept = {name: value for name, value in self.headers.items() if name.lower() in ("content-type",)}
            status, headers, data = front.answer(self.command, self.path, kept, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _any

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Hunt:
    """The world of a hunt. What is printed, and what other users see, lands in ``told``."""

    def __init__(self, folder: Path, say: Say) -> None:
        self.folder = folder
        self.path = folder / "chansync.db"
        self.told: dict[str, bytes] = {}
        self.secrets = dict(SECRETS)
        self.say = say
        proxy = f"http://proxy:{SECRETS['password of the proxy']}@127.0.0.1:9"
        self.environment = os.environ | {
            "CHANSYNC_DB": str(self.path), "CHANSYNC_LOUD": "1", "PYTHONASYNCIODEBUG": "1", "PYTHONDEVMODE": "1",
            "PYTHONPATH": f"{Path(__file__).parent / 'loud'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
            "HTTPS_PROXY": proxy, "NO_PROXY": "127.0.0.1", "TMPDIR": str(folder), "COLUMNS": "200",
        }  # fmt: skip

    def start(self, *words: str, stdin: str = "") -> subprocess.Popen[bytes]:
        """The program as a process, looked at by other users from its first moment on."""
        process = subprocess.Popen(
            [sys.executable, "-m", "chansync", *words], env=self.environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(stdin.encode())
            process.stdin.close()
        process.stdin = None
        return process

    def run(self, *words: str, stdin: str = "") -> int:
        """A command to its end."""
        process = self.start(*words, stdin=stdin)
        out, err = process.communicate(timeout=PATIENCE)
        self.keep(f"chansync {' '.join(words)}", out + err)
        return process.returncode

    def keep(self, of: str, data: bytes) -> None:
        """What was printed by something."""
        self.told[of] = self.told.get(of, b"") + data

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Meanwhile, the command lines of all processes are read, as ``ps`` reads them."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.02):
                for file in Path("/proc").glob("[0-9]*/cmdline"):
                    with contextlib.suppress(OSError):
                        line = file.read_bytes()
                        if b"chansync" in line:
                            self.told.setdefault(f"ps {hash(line)}", line)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def hits(self) -> list[str]:
        """Where which secret was found."""
        found = []
        places = dict(self.told)
        for file in self.folder.rglob("*"):
            if file.is_file() and file.suffix not in (".typed", ".key"):
                places[str(file.relative_to(self.folder))] = file.read_bytes()
        texts = {place: data.lower() for place, data in places.items()}
        for name, secret in self.secrets.items():
            traces = _traces(secret)
            for place, text in texts.items():
                trace = next((trace for trace in traces if trace in text), None)
                if trace is not None:
                    around = text[max(0, text.index(trace) - 80) :][:160]
                    found.append(f"{name} in {place}: {around!r}")
        return found


def _traces(secret: str) -> list[bytes]:
    """Pieces of the secret in every dress, in small letters."""
    dresses = {secret, quote(secret, safe=""), html.escape(secret), json.dumps(secret)[1:-1], secret[::-1]}
    dresses |= {secret.encode().hex(), secret.encode().hex(" ")}
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + secret.encode()).decode()
        dresses.add(encoded[4 if shift else 0 : -4])
    pieces = {dress[at : at + PIECE].lower() for dress in dresses for at in range(max(1, len(dress) - PIECE + 1))}
    whole = [piece.encode() for piece in pieces if len(piece) == PIECE]
    return whole + [piece.encode("utf-16-le") for piece in pieces if len(piece) == PIECE]


def hunt(folder: Path, say: Say = lambda text: None, *, short: bool = False) -> list[str]:
    """Do it all in the folder; every hit."""
    shop = DemoShop.create(orders=6, seed=5)
    hunted = Hunt(folder, say)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(DemoServer(shop))
        front = Front(server.url)
        address = stack.enter_context(serving(front))
        amazon = stack.enter_context(AmazonServer(Seller(seed=5)))
        hunted.secrets |= {
            "consumer key": shop.consumer_key, "consumer secret": shop.consumer_secret,
            "client secret": amazon.seller.login.client_secret, "refresh token": amazon.seller.login.refresh_token,
        }  # fmt: skip
        stack.enter_context(hunted.watched())
        _set_up(hunted, address, amazon, port_of(stack.enter_context(hold_port())))
        _sync_well(hunted)
        _let_the_site_say_them(hunted, front, ["cut at its end"] if short else list(DRESSES))
        _run_the_daemon(hunted, front)
        _tell_everything(hunted, LOOKING[:6] if short else LOOKING)
    assert "•••".encode() in b"".join(hunted.told.values()), "sites have said secrets, and they were masked"
    tokens = amazon.seller.login._tokens
    assert tokens, "the program has logged in"
    hunted.secrets |= {f"access token {number}": token for number, token in enumerate(tokens)}
    return hunted.hits()


def _set_up(hunted: Hunt, address: str, amazon: AmazonServer, mail_port: int) -> None:
    hunted.say("entering")
    secrets = hunted.secrets
    store = open_store(hunted.path)
    company.set_up_erp(store)
    company.set_up_channel(store, address, secrets["consumer key"], secrets["consumer secret"], cadence="10s")
    store.close()
    typed = hunted.folder / "secret.typed"
    typed.write_text(secrets["consumer secret"])
    both = f"{secrets['consumer key']}\n{secrets['consumer secret']}\n"
    hunted.run("channel", "set", "demo", "consumer_key=-", "consumer_secret=-", stdin=both)
    hunted.run("channel", "set", "demo", f"consumer_secret=@{typed}")
    # Mistakes that people make, with a secret in them.
    hunted.run("channel", "set", "demo", f"consumer_secret=@{hunted.folder}/nowhere")
    hunted.run("system", "add", "amz", "--name", "Amazon", "--kind", "amazon", f"region={amazon.url}",
               f"client_id={amazon.seller.login.client_id}", "client_secret=-", "refresh_token=-",
               stdin=f"{secrets['client secret']}\n{secrets['refresh token']}\n")  # fmt: skip
    hunted.run("system", "test", "amz")
    hunted.run("erp", "add", "user", "anna", "name=Anna", "email=anna@shop.example")
    hunted.run("notices", "set", "smtp_host=127.0.0.1", f"smtp_port={mail_port}", "smtp_security=none",
               "smtp_user=me@shop.example", "smtp_password=-",
               stdin=f"{secrets['password of the mail server']}\n")  # fmt: skip
    routes = {
        "hook": f"json://user:{secrets['password of a web hook']}@127.0.0.1:9/{secrets['token of a web hook']}",
        "tg": f"tgram://{secrets['token of Telegram']}/12345678",
        "slack": f"slack://T1JJ3T3L2/A1BRTD4JD/{secrets['token of Slack']}/",
    }
    for name, route in routes.items():
        file = hunted.folder / f"{name}.typed"
        file.write_text(route)
        hunted.run("notices", "add", "anna", name, "--address", f"@{file}")
    hunted.run("channel", "set", "demo", "notice_user=anna")


def _sync_well(hunted: Hunt) -> None:
    hunted.say("syncing")
    hunted.run("channel", "test", "demo")
    hunted.run("channel", "set", "demo", "used=yes")
    hunted.run("sync", "demo", "--dry-run", "--json")
    hunted.run("sync", "demo")


def _let_the_site_say_them(hunted: Hunt, front: Front, dresses: list[str]) -> None:
    # What a site was given; what a process never opened it cannot know.
    secrets = [hunted.secrets[name] for name in ("consumer secret", "consumer key")]
    for dress in dresses:
        hunted.say(f"the site says them back: {dress}")
        said = " and ".join(DRESSES[dress](secret) for secret in secrets)
        one = DRESSES[dress](secrets[0])
        answers: list[tuple[int, dict[str, str], bytes]] = [
            (401, {}, json.dumps({"code": one, "message": f"no {said}"}).encode()),
            (403, {}, f"<html><title>{said}</title>{said}".encode()),
            (500, {"Retry-After": "1"}, json.dumps({"code": "x", "message": said}).encode()),
            (302, {"Location": f"https://{one[:60]}:{one}@other.example/{quote(said)}"}, b""),
            (200, {}, f"<b>Notice</b>: {said}".encode()),
            (400, {"X-Said": quote(said)}, json.dumps({"code": "rest_" + one, "message": one * 9}).encode()),
        ]
        for answer in answers:
            front.echo = lambda path, answer=answer: answer  # type: ignore[misc]
            hunted.run("channel", "test", "demo")
        front.echo, front.notes = None, "" if dress in CHANGED else said
        hunted.run("sync", "demo", "--orders", "--since", "2020-01-01")
        front.notes = ""


def _has_run(hunted: Hunt) -> bool:
    """Whether the daemon has run something to its end."""
    sql = "SELECT count(*) FROM run WHERE trigger = 'schedule' AND state <> 'running'"
    return bool(shops.query(hunted.path, sql)[0][0])


def _run_the_daemon(hunted: Hunt, front: Front) -> None:
    hunted.say("running the daemon")
    front.notes = f"the daemon hears {hunted.secrets['consumer secret']}"
    daemon = hunted.start("daemon", "--json-logs")
    end = time.monotonic() + PATIENCE
    while not _has_run(hunted):
        assert time.monotonic() < end, "the daemon runs nothing"
        time.sleep(0.1)
    hunted.run("sync", "demo")
    hunted.run("notices", "test", "anna")
    front.echo = lambda path: (500, {}, json.dumps({"message": hunted.secrets["consumer key"]}).encode())
    hunted.run("channel", "test", "demo")
    hunted.run("retry", "demo")
    status = Path(f"/proc/{daemon.pid}/status").read_text() + Path(f"/proc/{daemon.pid}/limits").read_text()
    hunted.keep("limits of the daemon", status.encode())
    # As the watchdog does it: the stack goes to the log, memory nowhere.
    daemon.send_signal(signal.SIGABRT)
    out, err = daemon.communicate(timeout=PATIENCE)
    hunted.keep("the daemon", out + err)
    assert b"Fatal Python error: Aborted" in err
    front.echo, front.notes = None, ""


def _tell_everything(hunted: Hunt, commands: tuple[str, ...]) -> None:
    hunted.say("looking at everything")
    for words in commands:
        hunted.run(*words.format(folder=hunted.folder).split())


def main() -> int:
    """The whole hunt; prints every hit."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="hunt-") as folder:
        found = hunt(Path(folder), lambda text: print(text, file=sys.stderr, flush=True))
    print("\n".join(found) or "no secret was found anywhere")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
