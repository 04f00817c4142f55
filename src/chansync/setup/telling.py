"""Who is told of problems, set up in one step: a user with an address, a mail server, and every channel's notices."""

from __future__ import annotations

from collections.abc import Mapping

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp.ledger import setup
from chansync.model.errors import UsageError
from chansync.notices import settings
from chansync.setup import channel_settings
from chansync.setup.forms.form import code_from
from chansync.store import channels


def set_up(store: Store, email: str, mail: Mapping[str, str]) -> str:
    """Let a user be told by e-mail of the problems of every channel that tells nobody yet; the user's code.

    Args:
        mail: settings of the mail server, as ``notices.settings.change`` takes them; empty ones are left as they are.
            ``smtp_host`` may end with a port: ``mail.example:2525``.

    Raises:
        UsageError: something is missing or wrong; nothing is changed then.
    """
    db = store.db
    if "@" not in email:
        raise UsageError("Enter the e-mail address that notices go to.")
    with transaction(db):
        known = [row["code"] for row in setup.rows(db, "user") if row.get("email") == email]
        code = known[0] if known else code_from(email.partition("@")[0], setup.codes(db, "user")) or "admin"
        if not known:
            setup.add(db, "user", code, {"name": email.partition("@")[0], "email": email})
        for channel in channels.all_channels(db):
            if not channel["notice_user"]:
                channel_settings.change_channel(store, channel.code, {"notice_user": code})
        texts = {name: text for name, text in mail.items() if text}
        host, colon, port = texts.get("smtp_host", "").rpartition(":")
        if colon and port.isdecimal() and ":" not in host:
            texts |= {"smtp_host": host, "smtp_port": port}
        if not texts.get("mail_from") and "@" not in texts.get("smtp_user", "@"):
            texts["mail_from"] = email
        if "smtp_user" not in texts:
            texts.setdefault("mail_from", email)
        settings.change(store, texts)
        return code
