"""The demo store as a process: `python -m chansync.demo.woocommerce`.

Prints one line of JSON when it listens, and runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading

from chansync.demo.woocommerce import DemoServer, DemoShop, Shopper

#: What share of what happens while it runs is an edit or a return.
EDITS = 0.02


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chansync.demo.woocommerce", description=__doc__)
    parser.add_argument("--orders", type=int, default=300, help="how many orders there are at the start")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same store")
    parser.add_argument("--currency", default="EUR")
    parser.add_argument("--title", default="Demo Store")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--shopper-rate", type=float, default=0.0, help="new orders and changes a second")
    parser.add_argument("--page-delay", type=float, default=0.0, help="seconds that a page of 100 rows takes")
    parser.add_argument("--concurrency", type=int, default=None, help="how many requests are answered at once")
    parser.add_argument("--old-store", action="store_true", help="without what came with later versions")
    parser.add_argument("--unstable-ties", action="store_true", help="rows with equal sort keys change places")
    parser.add_argument("--plain-permalinks", action="store_true", help="only ?rest_route= works")
    parser.add_argument("--basic-over-http", action="store_true", help="take Basic auth without TLS")
    return parser.parse_args()


def main() -> None:
    """Serve until told to stop."""
    given = _arguments()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    shop = DemoShop.create(
        orders=given.orders,
        seed=given.seed,
        currency=given.currency,
        title=given.title,
        old_store=given.old_store,
        unstable_ties=given.unstable_ties,
    )
    if given.orders:
        shop.place_gift_card_order([("SKU-001", 2)], "GIFT-2026-0001", "5.00")
    server = DemoServer(
        shop,
        host=given.host,
        port=given.port,
        page_delay=given.page_delay,
        concurrency=given.concurrency,
        pretty_permalinks=not given.plain_permalinks,
        basic_over_http=given.basic_over_http,
    )
    with server, Shopper(shop, given.shopper_rate, given.seed, EDITS):
        keys = {"consumer_key": shop.consumer_key, "consumer_secret": shop.consumer_secret}
        print(json.dumps({"url": server.url, **keys}), flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
