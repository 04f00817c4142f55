"""A client of Tryton that is killed: after each call that changes something there, its answer is lost."""

from __future__ import annotations

from typing import Any

from chansync.demo.tryton.server import DATABASE, Trytond
from chansync.erp.tryton.rpc import TrytonRpc

#: What changes nothing that a repeat would find: reads, the sessions of wizards, and warnings that are skipped.
_HARMLESS = (
    ".search_read", ".read", ".search", ".fields_get", ".get_preferences", ".get_access", ".get_id", ".skip",
    "common.db.login",
)  # fmt: skip


class Killed(BaseException):
    """The process is gone."""


class DyingRpc(TrytonRpc):
    """Dies after its first call that changes something; a second is never made.

    Attributes:
        died_after: the call that it died after; empty while it lives.
    """

    def __init__(self, trytond: Trytond, user: str, password: str) -> None:
        super().__init__(trytond.url, DATABASE, user, password)
        self.died_after = ""

    async def _post(self, method: str, params: list[Any], *, of_server: bool = False) -> Any:
        if self.died_after:
            raise Killed(self.died_after)
        answer = await super()._post(method, params, of_server=of_server)
        if _changes(method, params, answer):
            self.died_after = method
            raise Killed(method)
        return answer


def _changes(method: str, params: list[Any], answer: Any) -> bool:
    if method.startswith("wizard."):
        # A form that is filled in; not one that is only shown, or that leads to the next form.
        return method.endswith(".execute") and bool(params[1]) and not answer.get("view")
    return not method.endswith(_HARMLESS)
