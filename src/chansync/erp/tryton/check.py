"""What of Tryton has to be switched on and set up, looked at from outside."""

from __future__ import annotations

from chansync.erp.remote import ErpIdentity
from chansync.erp.tryton.company import Options
from chansync.erp.tryton.rpc import TrytonRpc


async def check(rpc: TrytonRpc, options: Options) -> ErpIdentity:
    """``Remote.check``."""
    raise NotImplementedError
