"""Sending a notice by e-mail, with a sentence for each failure of mail servers."""

from __future__ import annotations

import asyncio
import os
import ssl
from email.message import EmailMessage
from email.utils import formatdate, parseaddr

from chansync.model.errors import ChansyncError
from chansync.notices.digest import Notice, one_line
from chansync.notices.settings import MailServer

#: Time limits in seconds: for sending one mail, and for each answer of the server.
PATIENCE = 60.0
SILENCE = 20.0


class NoticeFailed(ChansyncError):
    """A notice did not arrive."""

    code = "notice_failed"


def compose(notice: Notice, sender: str, recipient: str, name: str) -> EmailMessage:
    """The mail. ``name`` identifies the notice: if it is sent again after a kill, its Message-ID is the same.

    Raises:
        NoticeFailed: an address is invalid, for example because it has a line break.
    """
    mail = EmailMessage()
    mail["Subject"] = one_line(notice.subject)
    try:
        mail["From"], mail["To"] = sender, recipient
    except ValueError:
        raise NoticeFailed(f"No mail can be sent from {one_line(sender, 80)} to {one_line(recipient, 80)}.") from None
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = f"<{name}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    # RFC 3834: no automatic replies.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(notice.body, cte="quoted-printable")
    return mail


async def send(server: MailServer, mail: EmailMessage, *, patience: float = PATIENCE, silence: float = SILENCE) -> None:
    """Send a mail.

    Raises:
        NoticeFailed: with a sentence that says what the server did.
    """
    import aiosmtplib

    where = f"The mail server {server.host}:{server.port}"
    try:
        async with asyncio.timeout(patience):
            await aiosmtplib.send(
                mail,
                hostname=server.host,
                port=server.port,
                username=server.user or None,
                password=server.password or None,
                use_tls=server.security == "tls",
                start_tls=server.security == "starttls",
                tls_context=None if server.security == "none" else ssl.create_default_context(),
                timeout=silence,
            )
    except TimeoutError:
        raise NoticeFailed(f"{where} took too long to answer.") from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise _failure(error, where, server) from None


def _failure(error: Exception, where: str, server: MailServer) -> NoticeFailed:
    import aiosmtplib as smtp

    cause = error.__cause__ or error
    if isinstance(error, smtp.SMTPRecipientsRefused):
        return _failure(error.recipients[0], where, server)
    if isinstance(error, smtp.SMTPRecipientRefused):
        return NoticeFailed(f"{where} refused the recipient {error.recipient}: {_answer(error)}.")
    if isinstance(cause, ssl.SSLError):
        reason = getattr(cause, "verify_message", "") or cause.reason or str(cause)
        hint = "" if isinstance(cause, ssl.SSLCertVerificationError) else f" Is smtp_security={server.security} right?"
        sentence = f"{where} cannot be trusted: {one_line(reason)}.{hint}"
    elif isinstance(error, smtp.SMTPAuthenticationError):
        sentence = f"{where} refused smtp_user and smtp_password: {_answer(error)}."
    elif isinstance(error, smtp.SMTPSenderRefused):
        sentence = f"{where} refused the sender {server.sender}: {_answer(error)}."
    elif isinstance(error, smtp.SMTPResponseException):
        sentence = f"{where} did not take the mail: {_answer(error)}."
    elif isinstance(error, smtp.SMTPServerDisconnected):
        sentence = f"{where} hung up."
    elif isinstance(error, OSError):
        sentence = f"{where} cannot be reached: {_reason(cause)}."
    elif "STARTTLS" in str(error):
        sentence = f"{where} does not offer STARTTLS: set smtp_security to tls or none."
    elif "AUTH" in str(error):
        sentence = f"{where} lets nobody sign in: leave smtp_user empty, or use another port."
    else:
        sentence = f"{where} did not take the mail: {one_line(str(error))}."
    return NoticeFailed(sentence)


def _reason(cause: BaseException) -> str:
    """Why there is no connection. asyncio writes its own words, with an address, in place of the system's."""
    if not isinstance(cause, OSError):
        return one_line(str(cause))
    if cause.errno is None:
        return "none of its addresses takes a connection"
    return os.strerror(cause.errno) if cause.errno > 0 else one_line(cause.strerror or str(cause))


def _answer(error: Exception) -> str:
    code, message = getattr(error, "code", ""), getattr(error, "message", "")
    return one_line(f"{code} {message}", 200).rstrip(".")
