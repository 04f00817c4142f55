"""Which orders are imported and which are skipped: by status, the day on which they were placed, and missing prices."""

from __future__ import annotations

from chansync.orders.settings import ImportSettings


def reason_to_skip(settings: ImportSettings, status: str, placed_on: str, awaits_prices: bool) -> str:
    """Why an order is not imported: ``refused``, ``status``, ``before_start``, ``no_prices``; empty when it is."""
    if status in settings.refused_statuses:
        return "refused"
    if status not in settings.order_statuses:
        return "status"
    if placed_on < settings.start:
        return "before_start"
    return "no_prices" if awaits_prices else ""


def skip_sentence(settings: ImportSettings, reason: str, status: str, placed_on: str) -> str:
    """The reason for people."""
    if reason == "refused":
        return f"Not imported: status {status} is among the refused statuses."
    if reason == "status":
        taken = ", ".join(sorted(settings.order_statuses)) or "none"
        return f"Not imported: status {status} is not among the order statuses ({taken})."
    if reason == "no_prices":
        return f"Not imported yet: the site does not say what it costs while its status is {status}."
    return f"Not imported: it was placed on {placed_on}, before the start date {settings.start}."
