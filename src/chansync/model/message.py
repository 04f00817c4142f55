"""The codes of the message log: severity, class of error, title, and what to do.

A new code needs its row here and an entry in ``orders.remedies.REMEDIES``. A problem of an order is closed as soon as
``orders.decide`` does not find it; one that is found elsewhere belongs into ``OF_THE_SITE`` or ``OF_OTHERS`` of
``orders.outcome``. The pages of docs/reference are made from the rows: ``make docs``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """A ``problem`` stays open until it is solved; a ``warning`` or ``info`` is logged once."""

    PROBLEM = "problem"
    WARNING = "warning"
    INFO = "info"


class ErrorClass(StrEnum):
    """What solves it: a retry, a person, or the developers."""

    RETRY = "retry soon"
    PERSON = "needs a person"
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class MessageCode:
    """One kind of message. ``remedy``: what to do."""

    code: str
    title: str
    remedy: str
    severity: Severity = Severity.PROBLEM
    error_class: ErrorClass = ErrorClass.PERSON


_M = MessageCode
_P, _W, _I = Severity.PROBLEM, Severity.WARNING, Severity.INFO
_RETRY, _BUG = ErrorClass.RETRY, ErrorClass.BUG

_CODES = (
    _M("item_unknown", "An ordered item is not in the ERP",
       "Create the item in the ERP with this SKU or GTIN, or map it (chansync map item CHANNEL lists what is not "
       "mapped). What is no goods, such as the container of a bundle, is mapped to a service, or to - where nothing is "
       "delivered for it. Then retry."),
    _M("payment_unmapped", "A payment method is not mapped",
       "Map it to a payment method of the POS: chansync map payment CHANNEL SITE_CODE=METHOD. Then retry."),
    _M("delivery_unmapped", "A delivery method is not mapped",
       "Map it (chansync map delivery CHANNEL SITE_CODE=METHOD) or set the channel's delivery_method. Then retry."),
    _M("currency_not_allowed", "The POS does not sell in the order's currency",
       "Allow the currency at the POS (chansync erp set pos POS currencies=…), or leave the order. Then retry."),
    _M("currency_missing", "The order states no currency", "Set the channel's currency. Then retry."),
    _M("total_mismatch", "The lines do not add up to the order's total",
       "Look at the order on the site: a plugin changed its total without a line for it. Correct it there and retry, "
       "or accept the difference as a line of the channel's adjustment_service."),
    _M("service_missing", "The channel has no service for shipping, fees or a difference",
       "Set the channel's transport_service, fee_service or adjustment_service. Then retry."),
    _M("tax_contradiction", "The tax that was charged is not that of the tax transaction",
       "Map the transaction that is right for the site's tax rate (chansync map tax CHANNEL rate:ID=TRANSACTION) or "
       "for the place of delivery, or correct the order on the site. Then retry."),
    _M("tax_unmapped", "The marketplace collects the tax, and no transaction is mapped for it",
       "Map one: chansync map tax CHANNEL COUNTRY+collected=TRANSACTION. Then retry."),
    _M("payment_withdrawn", "A paid order is not paid any more",
       "See at the payment gateway whether the money was taken back. If it was, refund the sale (chansync erp refund "
       "SALE) or refuse the order on the site; if not, set the order's status right on the site. Then mark the message "
       "as solved."),
    _M("return_order", "An order gives money back",
       "Its sale is below zero, and so is its document, a credit. See that the buyer gets the money.", _W),
    _M("warehouse_missing", "The channel has no warehouse for orders that the platform ships",
       "Set the channel's fba_warehouse: the stock that the platform keeps is counted there. Then retry."),
    _M("secret_expiring", "A secret of an integration system ends soon or has ended",
       "Create a new one on the platform and enter it: chansync system set SYSTEM FIELD=-"),
    _M("number_taken", "Another sale has this number already",
       "Two orders carry one number: rename one on the site, or switch external_sale_number off. Then retry."),
    _M("channel_incomplete", "The channel is not completely set up",
       "Fill in the named fields: chansync channel set CHANNEL field=value."),
    _M("only_problems", "A sync met only problems and ended early",
       "See what the orders lack (chansync log --open), mend that, then: chansync sync CHANNEL. The next sync goes on "
       "where this one ended; nothing is lost."),
    _M("disk_low", "The disk is nearly full: no orders are pulled",
       "Make room on the disk that the sentence names. Pulls then go on by themselves."),
    _M("backup_failed", "A scheduled backup failed",
       "Correct what the sentence names, then make one now: chansync mend MESSAGE backup, or systemctl start "
       "chansync-backup. The next one that succeeds closes this."),
    _M("order_unreadable", "The site sent an order that cannot be read",
       "Look at the order on the site. It is tried again when it changes there, or on retry."),
    _M("refunds_unreadable", "The refunds of an order cannot be read",
       "Look at the order's refunds on the site; every sync tries them again."),
    _M("order_gone", "The order is no longer on the site, but its sale stands",
       "Cancel or reverse the sale (chansync erp cancel SALE, chansync erp reverse SALE), or bring the order back on "
       "the site. Then mark the message as solved."),
    _M("order_changed", "An order changed on the site after it became a sale",
       "Compare the two. Where the order is right: chansync mend MESSAGE accept (the sale is ended and made again). "
       "Where the sale is right: chansync mend MESSAGE keep."),
    _M("order_returned", "An order goes on although its sale is cancelled",
       "If it is to be delivered after all: chansync mend MESSAGE new-sale. Otherwise refuse the order on the site, or "
       "mark the message as solved."),
    _M("order_is_another", "Another order stands under the id of one that became a sale",
       "See whether store_domain is the right site. Where the site's ids started anew, let this order make a sale of "
       "its own: chansync mend MESSAGE new-sale."),
    _M("refund_unclear", "What is refunded cannot be told",
       "Compare the amounts with what was paid back, then choose one: chansync mend MESSAGE."),
    _M("refund_withdrawn", "A refund that the sale has is gone from the site",
       "Where no money went back: chansync mend MESSAGE take-back. Where it did: chansync mend MESSAGE keep."),
    _M("return_announced", "A buyer sends goods back",
       "When they are back: chansync mend MESSAGE received (they are put into stock). If they are not to be counted: "
       "chansync mend MESSAGE keep. With take_back_returns what came back is put into stock by itself."),
    _M("settlement_unreadable", "A settlement of the marketplace cannot be read",
       "Look at the report in Seller Central (Payments, All statements). Nothing of it counts until it can be read; it "
       "is tried again by itself. To do without it: chansync mend MESSAGE leave-out."),
    _M("settlement_wrong_sum", "A settlement's lines do not add up to its total",
       "Compare the settlement (chansync erp settlements NUMBER) with the statement in Seller Central, and ask the "
       "marketplace. Where it is right as it is: chansync mend MESSAGE accept."),
    _M("settlement_unmatched", "Settlements name orders that are not known",
       "Fetch such an order (chansync sync CHANNEL --order NUMBER), or make a channel of its marketplace. Where these "
       "orders are none of chansync's: chansync mend MESSAGE accept."),
    _M("returns_unmatched", "Returns are of orders that are not known",
       "Fetch such an order (chansync sync CHANNEL --order NUMBER). Where they are none of chansync's: chansync mend "
       "MESSAGE accept."),
    _M("settlement_differs", "The marketplace has paid out something else than a sale costs",
       "Compare the sale with the order in Seller Central. Where the difference is right: chansync mend MESSAGE keep."),
    _M("prices_missing", "The site does not say what an order costs",
       "Where it costs nothing: chansync mend MESSAGE free (a sale of 0.00). Otherwise fetch it again once the site "
       "tells its prices: chansync mend MESSAGE fetch."),
    _M("cancel_wished", "The buyer asks for an order to be cancelled",
       "Cancel its sale, and the site is told: chansync erp cancel SALE --reason buyer. Or send the goods all the "
       "same: chansync erp write-out SALE."),
    _M("order_unfulfillable", "The site says that an order cannot be fulfilled",
       "End its sale: chansync erp cancel SALE, or chansync erp reverse SALE if it is written out."),
    _M("ship_by_near", "An order is to be shipped within a day, or is late",
       "Ship it and write its sale out: chansync erp write-out SALE --carrier NAME --tracking NUMBER."),
    _M("missing_stock", "A sale cannot be written out: goods are missing",
       "Bring the named items into the POS's warehouse, or let the POS's stock go negative. It is tried again."),
    _M("blocked_in_part", "Only a part of a sale's goods is blocked",
       "Bring the named items into the sale's warehouse (chansync erp stock set ITEM PIECES --warehouse WAREHOUSE): "
       "the next sync blocks the rest and closes this. Or let the sale go without: chansync erp release SALE."),
    _M("no_document", "A payment is due, but the sale has no financial document",
       "Issue it (chansync erp issue SALE), or switch issue_document_on_payment on. It is tried again."),
    _M("document_type_missing", "A financial document is due, but of no type",
       "Set the channel's document_type. It is tried again."),
    _M("not_possible", "The ERP cannot do what the order's status asks for",
       "Look at the sale (chansync erp sale SALE) and bring it in line with the order."),
    _M("tax_unknown", "The ERP has no tax that fits a line of the order",
       "Add the tax with the named rate in the ERP, or correct the order on the site; then: chansync retry. It is "
       "tried again by itself."),
    _M("erp_refused", "The ERP refused",
       "Correct what the sentence names in the ERP or in the channel. It is tried again by itself, and at once with: "
       "chansync erp retry."),
    _M("erp_rights", "The ERP does not let us in, or not do what is needed",
       "Give the ERP's user the rights that the sentence names, or enter the key anew (chansync erp change ERP "
       "FIELD=-); then: chansync erp test ERP. Nothing is lost: what waits is sent then."),
    _M("erp_unavailable", "The ERP cannot be reached",
       "Nothing to do if it passes: what waits is sent by the next run. Otherwise: chansync erp test ERP, and check "
       "the server and the network.", _P, _RETRY),
    _M("erp_bug", "The connector of an ERP failed by its own fault",
       "Report it with the data of this message; other sales are not affected.", _P, _BUG),
    _M("erp_value_vanished", "The ERP no longer has a value that the channel uses",
       "Choose another value for the named field, or bring the value back in the ERP and read its data again (chansync "
       "erp lookups)."),
    _M("import_bug", "chansync failed on an order by its own fault",
       "Report it with the data of this message; the other orders are not affected.", _P, _BUG),
    _M("site_unavailable", "The site cannot be reached",
       "Nothing to do if it passes: the next run tries again. Otherwise check the site and the network.", _P, _RETRY),
    _M("site_refused", "The site refused", "Check the channel's address and keys: chansync channel test CHANNEL."),
    _M("site_bug", "chansync failed on a stream by its own fault",
       "Report it with the data of this message.", _P, _BUG),
    _M("secret_unreadable", "The channel's keys cannot be opened here",
       "Run it as the daemon's user, or enter the keys again: chansync channel set CHANNEL FIELD=-, or chansync system "
       "set SYSTEM FIELD=- where they are the system's."),
    _M("notice_failed", "Notices do not arrive",
       "Correct what the sentence names, then: chansync notices test. Sending is retried by itself; the next notice "
       "that arrives includes what was missed."),
    _M("clock_doubtful", "The clock of this machine seems to be wrong",
       "Compare it with the true time (timedatectl) and set whichever clock is wrong. Nothing is deleted by the "
       "retention settings until the sites' clocks confirm the time; that is checked again by itself."),
    _M("customer_ambiguous", "More than one customer matches",
       "The older customer was used. If the two are the same: chansync erp merge-customers KEPT OTHER.", _W),
    _M("tax_number_invalid", "A buyer's tax number is not valid",
       "Ask the buyer for the right number and correct it on the order on the site, then: chansync sync CHANNEL "
       "--order NUMBER. Until then the sale keeps it as typed, and no customer is found by it.", _W),
    _M("status_unknown", "An order has a status that the site does not list",
       "Pull the lookups (chansync sync CHANNEL --lookups) and decide whether to import such orders.", _W),
    _M("value_vanished", "The site no longer has a value that the channel uses",
       "Choose another value for the named field.", _W),
    _M("push_failed", "A status or a quantity could not be sent to the site",
       "Correct what the sentence names on the site or in the channel. It is retried by itself, and at once with: "
       "chansync sync CHANNEL --statuses --quantities."),
    _M("push_refused_status",
       "A status was not sent, because the order is refused on the site or cannot get it any more",
       "Compare the order with its sale and correct the one that is wrong.", _W),
    _M("tracking_not_told", "A tracking number could not be told to the site",
       "Mend what the sentence names: enter a carrier or a tracking number that is missing, switch the order "
       "fulfillments of WooCommerce on, use a shipment tracking plugin, or: chansync channel set CHANNEL "
       "tracking_note=yes. It is tried again by itself, and at once with: chansync sync CHANNEL --statuses."),
    _M("stock_drift", "Stock on the site differed from what was sent",
       "It is sent again. If this comes back, somebody or a plugin changes stock on the site: change it in the ERP "
       "instead.", _W),
    _M("sku_case_differs", "SKUs on the site differ from the ERP's in capital and small letters",
       "Write the SKU on the site as the ERP does, or map the site's item: chansync map item CHANNEL SITE_ID=ITEM. The "
       "next look at the site's stock closes this: chansync sync CHANNEL --quantities."),
    _M("site_items_unknown", "The site sells what is neither in the ERP nor mapped",
       "Map it (chansync map item CHANNEL SITE_ID=ITEM, or SITE_ID=- where it is no goods of yours), or create the "
       "item in the ERP with this SKU or GTIN. Each is told once.", _W),
    _M("webhooks_mended", "The site had switched webhooks off",
       "Nothing to do: they are on again. If it comes back, the site cannot reach the daemon: see whether the proxy "
       "leads to the address of chansync daemon --webhooks, and which answers it gives. Orders come by the pulls "
       "meanwhile.", _W, _RETRY),
    _M("webhooks_refused", "The site does not let webhooks be made",
       "Mend what the sentence names, or empty the channel's webhook_address. Orders come by the pulls meanwhile.", _W),
    _M("webhooks_made", "Webhooks were made at the site, changed or removed", "Nothing to do.", _I, _RETRY),
    _M("connected", "The channel connected", "Nothing to do.", _I, _RETRY),
    _M("site_odd", "The site answers in an unusual way", "Nothing to do: it is worked around.", _W, _RETRY),
)  # fmt: skip

#: Every code that the message log can hold. The reference page is made from it.
CODES = {code.code: code for code in _CODES}
