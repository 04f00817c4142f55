"""Members of the group type the addresses of services, and the daemon sends: only known services and parameters."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from chansync.model.errors import UsageError
from chansync.notices import services
from chansync.notices.digest import Notice
from chansync.notices.mail import NoticeFailed
from support import mailbox

NOTICE = Notice("chansync: a test", "Body")

#: One address for each service that is allowed, and the host that it may ask.
ADDRESSES = {
    "discord": ("discord://417429632418316298/JHZ7lQml277CDHmQKMHI8qBe7bk2ZwO5", "discord.com"),
    "forms": ("forms://hooks.example/path", "hooks.example"),
    "gotifys": ("gotifys://push.example/AAAAAAAAAAAAAAA", "push.example"),
    "jsons": ("jsons://hooks.example/path", "hooks.example"),
    "matrixs": ("matrixs://token@matrix.example/!room", "matrix.example"),
    "mmosts": ("mmosts://chat.example/3ccdd113474722377935511fc85d3dd4", "chat.example"),
    "ntfys": ("ntfys://ntfy.example/topic", "ntfy.example"),
    "opsgenie": ("opsgenie://a-key-of-opsgenie", "api.opsgenie.com"),
    "pagerduty": ("pagerduty://key@apikey", "events.pagerduty.com"),
    "pover": ("pover://abcdefghijklmnopqrstuvwxyzabcd@abcdefghijklmnopqrstuvwxyzabcd", "api.pushover.net"),
    "rockets": ("rockets://abcdefghijk/abcdefghijk@chat.example/#room", "chat.example"),
    "signals": ("signals://signal.example/+15551234567/+15557654321", "signal.example"),
    "slack": ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "hooks.slack.com"),
    "tgram": ("tgram://123456789:abcdefg_hijklmnop/12315544", "api.telegram.org"),
    "workflows": ("workflows://teams.example/643a3dd5/4b6daf5a", "teams.example"),
}  # fmt: skip

# Other hosts of the same company, which a parameter chooses.
REGIONS = {"api.eu.opsgenie.com", "events.eu.pagerduty.com"}


@pytest.mark.parametrize("schema", services.SERVICES)
def test_an_allowed_service_is_known_by_its_address(schema: str) -> None:
    assert services.service_of(ADDRESSES[schema][0])


def test_every_other_service_of_apprise_is_refused_with_those_that_are_allowed() -> None:
    from apprise.manager_plugins import NotificationManager

    manager = NotificationManager()
    manager.load_modules()
    plain = {service.plain for service in services.SERVICES.values()}
    others = set(manager.schemas()) - set(services.SERVICES) - plain
    assert {"syslog", "dbus", "file", "mailto", "apprise", "mqtt", "smpp"} & others >= {"syslog", "dbus", "mailto"}
    for schema in others:
        with pytest.raises(UsageError) as refused:
            services.service_of(f"{schema}://user:password@host.example/a/b")
        if schema in ("mailto", "mailtos"):
            assert "chansync erp set user" in str(refused.value)
        else:
            assert all(service.address in str(refused.value) for service in services.SERVICES.values())


@pytest.mark.parametrize("schema", services.SERVICES)
def test_every_other_parameter_of_an_allowed_service_is_refused(schema: str) -> None:
    from apprise.manager_plugins import NotificationManager

    plugin = NotificationManager()[schema]
    address, allowed = ADDRESSES[schema][0], services.SERVICES[schema].parameters
    common = ["verify", "redirect", "format", "user", "password", "port", "attach", "template", "Template", "store"]
    for name in {*plugin.template_args, *common} - set(allowed):
        with pytest.raises(UsageError, match=f"not allowed: {name.lower()}"):
            services.service_of(f"{address}/?{name}=no")
    if not services.SERVICES[schema].own_fields:
        for sign in "+-:":
            with pytest.raises(UsageError, match="not allowed"):
                services.service_of(f"{address}/?{sign}name=value")


@pytest.mark.parametrize(
    "address", ["syslog://", " SysLog://local0", "jsons://127.0.0.1/?verify=no", "json://hooks.example/path"]
)
def test_what_is_refused_when_it_is_added_is_refused_when_it_is_used(address: str) -> None:
    with pytest.raises(UsageError):
        services.service_of(address)
    with pytest.raises(NoticeFailed):
        asyncio.run(services.send(address, NOTICE))


def test_only_a_host_on_this_machine_may_be_plain() -> None:
    for host in ("127.0.0.1:1", "localhost", "[::1]:80"):
        assert services.service_of(f"json://{host}/path") == "JSON"
    for host in ("hooks.example", "192.0.2.1", "localhost.example"):
        with pytest.raises(UsageError, match="write jsons://"):
            services.service_of(f"json://{host}/path")


# Sends to every address with every allowed parameter; tells of each service which files were opened and which hosts
# were looked up. One process for all of them: loading the services takes half a second.
_WATCHED = """
import asyncio, json, os, socket, sys
from chansync.notices import services
from chansync.notices.digest import Notice

asked = json.load(sys.stdin)
for addresses in asked.values():
    for address in addresses:
        try:
            services.service_of(address)
        except services.UsageError:
            pass
# Loaded by now; what follows is the address's doing. None of them waits between two requests.
from apprise.manager_plugins import NotificationManager
for plugin in NotificationManager().plugins():
    plugin.request_rate_per_sec = 0
files, hosts = [], []

def audit(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        files.append(os.fsdecode(arguments[0]))
    elif event == "socket.getaddrinfo":
        hosts.append(str(arguments[0]))
        raise OSError("no network here")
    elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"):
        files.append(event)

sys.addaudithook(audit)
told = {}
for schema, addresses in asked.items():
    files.clear()
    hosts.clear()
    for address in addresses:
        try:
            asyncio.run(services.send(address, Notice("subject", "body"), patience=20))
        except services.NoticeFailed:
            pass
    told[schema] = [sorted(set(files)), sorted(set(hosts))]
print(json.dumps(told))
"""


def test_no_allowed_parameter_makes_a_service_read_a_file_or_ask_another_host(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"text": "needle"}')
    values = [str(secret), f"file://{secret}", "https://evil.example/x", "1", "eu", "#room"]
    asked = {}
    for schema, service in services.SERVICES.items():
        address, _ = ADDRESSES[schema]
        names = [*service.parameters, *(["+name", "-name", ":name"] if service.own_fields else [])]
        asked[schema] = [address, *(f"{address}/?{name}={_quoted(value)}" for name in names for value in values)]
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.keys() == services.SERVICES.keys()
    own = (sys.prefix, sys.base_prefix, "/etc/", "/dev/", "/usr/")
    for schema, (files, hosts) in told.items():
        _, host = ADDRESSES[schema]
        assert host in hosts, schema
        assert set(hosts) <= {host} | REGIONS, schema
        assert [name for name in files if not name.startswith(own)] == [], schema


def _quoted(value: str) -> str:
    return quote(value, safe="")


def test_a_redirect_is_not_followed() -> None:
    with (
        mailbox.web_hook() as (address, got),
        mailbox.redirecting_hook(address) as other,
        pytest.raises(NoticeFailed),
    ):
        asyncio.run(services.send(other, NOTICE))
    assert got == []


def test_a_service_still_sends() -> None:
    with mailbox.web_hook() as (address, got):
        asyncio.run(services.send(address, NOTICE))
    assert len(got) == 1
