"""The fake as a process: `python -m chansync.demo.amazon`.

Prints one line of JSON when it listens, and runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading

from chansync.demo.amazon import AmazonServer, Seller, Shopper
from chansync.demo.amazon.marketplaces import MARKETPLACES


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chansync.demo.amazon", description=__doc__)
    parser.add_argument("--orders", type=int, default=300, help="how many orders there are at the start")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same account")
    parser.add_argument(
        "--marketplaces", default="DE,FR,UK", help=f"codes with commas; there are {', '.join(MARKETPLACES)}"
    )
    parser.add_argument("--title", default="Demo Seller")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--shopper-rate", type=float, default=0.0, help="new orders and changes a second")
    parser.add_argument("--rate-factor", type=float, default=1.0, help="how many times more calls than Amazon allows")
    parser.add_argument("--settling", type=float, default=120, help="seconds until a change shows in searches")
    return parser.parse_args()


def _ask_for_attention(seller: Seller) -> None:
    """What a seller has to answer: a buyer who does not want an order any more, and goods that are sent again."""
    seller.wish_to_cancel(seller.place_order(lines={"SKU-003": 1}))
    seller.replace(seller.place_order(lines={"SKU-004": 1}))


def main() -> None:
    """Serve until told to stop."""
    given = _arguments()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    seller = Seller(
        orders=given.orders,
        seed=given.seed,
        marketplaces=given.marketplaces.split(","),
        rate_factor=given.rate_factor,
        title=given.title,
    )
    seller.settling = given.settling
    if given.orders:
        _ask_for_attention(seller)
    with (
        AmazonServer(seller, host=given.host, port=given.port) as server,
        Shopper(seller, given.shopper_rate, given.seed),
    ):
        login = seller.login
        told = {
            "url": server.url,
            "seller_id": seller.id,
            "client_id": login.client_id,
            "client_secret": login.client_secret,
            "refresh_token": login.refresh_token,
        }
        print(json.dumps(told), flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
