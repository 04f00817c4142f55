"""The goods of the store: forty simple items, five shirts in three sizes and one item without a SKU.

Ids, SKUs, prices and tax classes are those of the recorded store.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from chansync.demo.woocommerce.clock import gmt_text, site_text

FIRST_PRODUCT = 10
FIRST_ORDER = 71
SHIRT_PRICE = Decimal("19.99")
SIZES = ("S", "M", "L")


@dataclass(slots=True)
class Product:
    """One thing that can be sold, or the parent of some."""

    id: int
    name: str
    slug: str
    sku: str
    price: Decimal
    kind: str = "simple"
    tax_class: str = ""
    parent: int = 0
    size: str = ""
    status: str = "publish"
    visibility: str = "visible"
    manage_stock: bool = True
    stock: int | None = 1000
    stock_status: str = "instock"
    sales: int = 0
    created: int = 0
    modified: int = 0
    gtin: str = ""

    @property
    def path(self) -> str:
        """Where the product is shown, below the site's address."""
        return (
            f"/product/{self.slug.removesuffix('-' + self.size.lower())}/?attribute_size={self.size}"
            if self.parent
            else (f"/product/{self.slug}/")
        )

    def set_stock(self, quantity: int) -> None:
        """Change the quantity; the status follows it, as it does in WooCommerce without back-orders."""
        self.stock = quantity
        self.stock_status = "instock" if quantity > 0 else "outofstock"


class Catalog:
    """All products by id and by SKU."""

    def __init__(self, created: int) -> None:
        self.products: dict[int, Product] = {}
        for number in range(1, 41):
            price = Decimal("6.37") + (number - 1) * Decimal("1.37")
            reduced = "reduced-rate" if number % 5 == 0 else ""
            item_id = FIRST_PRODUCT + number - 1
            self._add(
                Product(item_id, f"Item {number}", f"item-{number}", f"SKU-{number:03}", price, tax_class=reduced)
            )
        for number in range(1, 6):
            self._add_shirt(50 + (number - 1) * 4, number)
        self._add(Product(70, "No SKU", "no-sku", "", Decimal("3.33"), manage_stock=False, stock=None))
        for product in self.products.values():
            product.created = product.modified = created

    def _add(self, product: Product) -> None:
        self.products[product.id] = product

    def _add_shirt(self, first_id: int, number: int) -> None:
        name, slug = f"Shirt {number}", f"shirt-{number}"
        self._add(Product(first_id, name, slug, "", SHIRT_PRICE, "variable", manage_stock=False, stock=None))
        for place, size in enumerate(SIZES, 1):
            self._add(
                Product(
                    first_id + place,
                    f"{name} - {size}",
                    f"{slug}-{size.lower()}",
                    f"SHIRT-{number}-{size}",
                    SHIRT_PRICE,
                    "variation",
                    parent=first_id,
                    size=size,
                    stock=50,
                )
            )

    def by_sku(self, sku: str) -> Product:
        """The product with that SKU; KeyError when there is none."""
        for product in self.products.values():
            if sku and product.sku == sku:
                return product
        raise KeyError(sku)

    def variations(self, parent: int) -> list[Product]:
        """The variations below a product."""
        return [product for product in self.products.values() if product.parent == parent]

    def sellable(self) -> list[Product]:
        """What an order line can be about, apart from the item without a SKU."""
        return [product for product in self.products.values() if product.sku]

    def delete(self, product_id: int) -> None:
        """Take a product, and its variations, away for good."""
        for product in [self.products[product_id], *self.variations(product_id)]:
            del self.products[product.id]


class ProductView:
    """Products as the REST API shows them."""

    def __init__(self, catalog: Catalog, site: str, zone: ZoneInfo, currency_symbol: str) -> None:
        self._catalog = catalog
        self._site = site
        self._zone = zone
        self._symbol = currency_symbol

    def _dates(self, product: Product) -> dict[str, Any]:
        return {
            "date_created": site_text(product.created, self._zone),
            "date_created_gmt": gmt_text(product.created),
            "date_modified": site_text(product.modified, self._zone),
            "date_modified_gmt": gmt_text(product.modified),
        }

    @staticmethod
    def _price(product: Product) -> dict[str, Any]:
        return {
            "price": str(product.price),
            "regular_price": "" if product.kind == "variable" else str(product.price),
            "sale_price": "",
            "date_on_sale_from": None,
            "date_on_sale_from_gmt": None,
            "date_on_sale_to": None,
            "date_on_sale_to_gmt": None,
            "on_sale": False,
        }

    @staticmethod
    def _files() -> dict[str, Any]:
        return {
            "virtual": False,
            "downloadable": False,
            "downloads": [],
            "download_limit": -1,
            "download_expiry": -1,
        }

    @staticmethod
    def _back_orders() -> dict[str, Any]:
        return {
            "backorders": "no",
            "backorders_allowed": False,
            "backordered": False,
            "low_stock_amount": None,
        }

    @staticmethod
    def _parcel() -> dict[str, Any]:
        return {"weight": "", "dimensions": {"length": "", "width": "", "height": ""}}

    def _attributes(self, product: Product) -> list[dict[str, Any]]:
        if product.parent:
            return [{"id": 0, "name": "Size", "slug": "size", "option": product.size}]
        if product.kind != "variable":
            return []
        attribute = {"id": 0, "name": "Size", "slug": "Size", "position": 0, "visible": True, "variation": True}
        return [{**attribute, "options": list(SIZES)}]

    def full(self, product: Product, edit: bool = False) -> dict[str, Any]:
        """The form of the `products` routes. An answer to a write (`edit`) has raw values and two keys more."""
        shown = {
            "id": product.id,
            "name": product.name,
            "slug": product.slug,
            "permalink": self._site + product.path,
            **self._dates(product),
            "type": product.kind,
            "status": product.status,
            "featured": False,
            "catalog_visibility": product.visibility,
            "description": "",
            "short_description": "",
            "sku": product.sku,
            **self._price(product),
            "purchasable": True,
            # A variation has no sales of its own: the raw, unconverted meta value comes out.
            "total_sales": "0" if product.parent else product.sales,
            **self._files(),
            "external_url": "",
            "button_text": "",
            "tax_status": "taxable",
            "tax_class": product.tax_class,
            "manage_stock": product.manage_stock,
            "stock_quantity": product.stock,
            **self._back_orders(),
            "sold_individually": False,
            **self._parcel(),
            **self._shelf(product, edit),
        }
        if edit:
            shown["permalink_template"] = f"{self._site}/product/%pagename%/"
            shown["generated_slug"] = product.slug
        return shown

    def _shelf(self, product: Product, edit: bool) -> dict[str, Any]:
        category = {"id": 15, "name": "Uncategorized", "slug": "uncategorized"}
        variations = [child.id for child in self._catalog.variations(product.id)]
        return {
            "shipping_required": True,
            "shipping_taxable": True,
            "shipping_class": "",
            "shipping_class_id": 0,
            "reviews_allowed": not product.parent,
            "average_rating": "0" if edit else "0.00",
            "rating_count": 0,
            "upsell_ids": [],
            "cross_sell_ids": [],
            "parent_id": product.parent,
            "purchase_note": "",
            "categories": [] if product.parent else [category],
            "brands": [],
            "tags": [],
            "images": [],
            "attributes": self._attributes(product),
            "default_attributes": [],
            "variations": variations,
            "grouped_products": [],
            "menu_order": 0,
            "price_html": self._price_html(product),
            "related_ids": [] if product.parent else self._related(product),
            "meta_data": [],
            "stock_status": product.stock_status,
            "has_options": product.kind == "variable",
            "post_password": "",
            "global_unique_id": product.gtin,
        }

    def _price_html(self, product: Product) -> str:
        symbol = f'<span class="woocommerce-Price-currencySymbol" translate="no">{self._symbol}</span>'
        return f'<span class="woocommerce-Price-amount amount"><bdi>{symbol}{product.price}</bdi></span>'

    def _related(self, product: Product) -> list[int]:
        """Five others; WooCommerce draws them anew for every answer."""
        others = [other.id for other in self._catalog.products.values() if not other.parent and other is not product]
        return random.sample(others, min(5, len(others)))

    def variation(self, product: Product, edit: bool = False) -> dict[str, Any]:
        """The form of the `products/<parent>/variations` routes."""
        return {
            "id": product.id,
            "type": "variation",
            **self._dates(product),
            "description": "",
            "permalink": self._site + product.path,
            "sku": product.sku,
            "global_unique_id": product.gtin,
            **self._price(product),
            "status": product.status,
            "purchasable": True,
            **self._files(),
            "tax_status": "taxable",
            "tax_class": "parent" if edit else product.tax_class,
            "manage_stock": product.manage_stock,
            "stock_quantity": product.stock,
            "stock_status": product.stock_status,
            **self._back_orders(),
            **self._parcel(),
            "shipping_class": "",
            "shipping_class_id": 0,
            "image": None,
            "gallery_image_ids": [],
            "attributes": self._attributes(product),
            "menu_order": 0,
            "meta_data": [],
            "name": product.size,
            "parent_id": product.parent,
        }
