"""The example ERP on a port of this machine."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from .books import Books
from .sample import fill
from .server import make_app


def token_of(books: Books) -> str:
    """What chansync proves itself with: drawn once, and kept in the books."""
    with books.transaction():
        books.db.execute("INSERT OR IGNORE INTO setting VALUES ('token', ?)", (secrets.token_urlsafe(24),))
    token: str = books.db.execute("SELECT value FROM setting WHERE name = 'token'").fetchone()[0]
    return token


def serve(file: str | Path, port: int, say: Callable[[str], None]) -> None:
    """Serve the books in that file until SIGTERM or Ctrl-C. It listens on this machine only: there is no HTTPS.

    Args:
        port: 0: any that is free.

    Raises:
        OSError: the port is taken.
        sqlite3.Error: the file is no database, or cannot be written.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        # It holds the token and customers' data: for its owner only.
        os.umask(0o077)
        books = Books(file)
        if fill(books):
            say(f"New books in {file}: a POS WEB, a warehouse W1, 55 items.")
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        say(f"The example ERP answers at {address}; its books are in {file}. Ctrl-C ends it.")
        say(f"Its token: {token_of(books)}")
        config = uvicorn.Config(
            make_app(books, token_of(books)), log_level="warning", lifespan="off", server_header=False
        )
        uvicorn.Server(config).run(sockets=[listener])
        books.db.close()
