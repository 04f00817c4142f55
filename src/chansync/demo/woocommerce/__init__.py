"""A WooCommerce 11 store to try chansync against, and to test it with."""

from chansync.demo.woocommerce.server import DemoServer
from chansync.demo.woocommerce.shop import DemoShop
from chansync.demo.woocommerce.shopper import Shopper

__all__ = ["DemoServer", "DemoShop", "Shopper"]
