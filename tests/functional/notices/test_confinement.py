"""The address of a service is a member's, and works in the daemon, who alone may read the private key."""

from __future__ import annotations

import asyncio
import builtins
import json
import subprocess
import threading
from pathlib import Path

import pytest

from chansync.model.errors import UsageError
from chansync.notices import services
from chansync.notices.confinement import NotAllowed, confined
from chansync.notices.digest import Notice
from chansync.notices.mail import NoticeFailed
from support import mailbox

NOTICE = Notice("chansync: a test", "Body")


@pytest.mark.parametrize("address", ["syslog://", " SysLog://local0", "dbus://", "json://127.0.0.1/?verify=no",
                                     "jsons://127.0.0.1/?Verify=off"])  # fmt: skip
def test_a_service_that_does_not_send_safely_is_refused_when_it_is_added_and_when_it_is_used(address: str) -> None:
    with pytest.raises(UsageError):
        services.service_of(address)
    with pytest.raises(NoticeFailed):
        asyncio.run(services.send(address, NOTICE))


@pytest.mark.parametrize(
    "address",
    [
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template={file}",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js/?template={file}",
        "workflows://127.0.0.1:1/643a3dd5/4b6daf5a?template={file}",
        "tgram://123456789:abcdefg_hijklmnop/12315544/?template={file}",
    ],
)
def test_a_service_reads_no_file_that_its_address_names(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a template it would be sent to a place of the member's choice."""
    file = tmp_path / "template.json"
    file.write_text(json.dumps({"text": "needle"}))
    seen: list[str] = []

    real = builtins.open

    def watched(path: object, *rest: object, **more: object) -> object:
        opened = real(path, *rest, **more)  # type: ignore[call-overload]
        seen.append(str(path))
        return opened

    monkeypatch.setattr(builtins, "open", watched)
    with pytest.raises(NoticeFailed):
        asyncio.run(services.send(address.format(file=file), NOTICE, patience=15))
    assert str(file) not in seen


def test_what_a_confined_thread_may_do(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("needle")
    with confined():
        import wave  # noqa: F401 - a module may still be loaded

        with pytest.raises(NotAllowed):
            secret.read_text()
        with pytest.raises(NotAllowed):
            Path("/proc/self/environ").read_text()
        with pytest.raises(NotAllowed):
            (tmp_path / "made").write_text("x")
        with pytest.raises(NotAllowed):
            subprocess.run(["true"], check=False)
        # Other threads go on as ever.
        read: list[str] = []
        other = threading.Thread(target=lambda: read.append(secret.read_text()))
        other.start()
        other.join()
        assert read == ["needle"]
    assert secret.read_text() == "needle"


def test_a_service_still_sends() -> None:
    with mailbox.web_hook() as (address, got):
        asyncio.run(services.send(address, NOTICE))
    assert len(got) == 1
