"""An Amazon seller's account behind the Selling Partner API, to try chansync against, and to test it with."""

from chansync.demo.amazon.seller import Seller
from chansync.demo.amazon.server import AmazonServer
from chansync.demo.amazon.shopper import Shopper

__all__ = ["AmazonServer", "Seller", "Shopper"]
