"""The parameter table: every field of a sales channel.

Form, ``chansync channel set/show``, TOML import and export, validation and reference page are made from ``PARAMETERS``.
To add a parameter, add an entry here and the code that uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chansync.model.parameter import Parameter, defaults
from chansync.model.parameter_types import (
    Choice,
    Code,
    CurrencyCode,
    Day,
    Duration,
    Flag,
    Pieces,
    Reference,
    References,
    Secret,
    SiteAddress,
    Text,
    TextList,
)

#: The form's sections, in order. Sections 4 and 5 are the mapping tables, 7 the buttons.
SECTIONS = {
    1: "Basic data",
    2: "Information",
    3: "Parameters",
    4: "Payment methods",
    5: "Delivery methods",
    6: "Tax transactions",
}


def _erp(of: str) -> Reference:
    return Reference(source="erp", of=of)


_P = Parameter
_STATUS = Reference(source="lookup", of="order_status")
_STATUSES = References(source="lookup", of="order_status")

PARAMETERS: tuple[Parameter, ...] = (
    # 1 Basic data
    _P("integration_system", "Integration system", "The system that the channel belongs to. Fixed after the "
       "first sync.", 1, Reference(source="system"), needed=True, opening=True),
    _P("system_type", "System type", "production: everything. working: everything, its sales are marked. "
       "test: reads from the site, pushes nothing to it, its sales are marked as test sales.", 1,
       Choice(words=("production", "working", "test")), "production"),
    _P("pos", "POS", "The point of sale that the channel sells from.", 1, _erp("pos"), needed=True),
    # 2 Information
    _P("name", "Name", "The channel's name for people.", 2, Text(longest=80), needed=True, opening=True),
    _P("code", "Code", "The channel's code on the command line and in the numbers of its sales.", 2, Code(),
       needed=True, opening=True),
    _P("description", "Description", "Notes for your colleagues.", 2, Text(longest=1000)),
    # 3 Parameters
    _P("store_domain", "Store domain", "The site: shop.example, https://shop.example/sub, with a port if it has "
       "one. Of a system that sells in several marketplaces: the marketplace, one of those that the system names.", 3,
       SiteAddress(), needed=True, offered="place", opening=True, destination=True),
    _P("consumer_key", "Username / consumer key", "The REST API key of the site. It is sealed and never shown.", 3,
       Secret(), capability="channel_credentials", needed=True, opening=True),
    _P("consumer_secret", "Password / consumer secret", "The secret of the key. It is sealed and never shown.", 3,
       Secret(), capability="channel_credentials", needed=True, opening=True),
    _P("api_version", "Version", "The version of the site's REST API. Filled in by the first connection.", 3,
       Reference(source="lookup", of="api_version")),
    _P("start_date", "Start date", "Orders placed from that day on are imported, in the site's time zone. A day in the "
       "past imports old orders. The first connection fills in its own day.", 3, Day(), needed=True),
    _P("sale_type", "Type of sale", "The type given to the channel's sales.", 3, _erp("sale_type")),
    _P("external_sale_number", "External sale number", "On: a sale's number is the channel's code and the order "
       "number. Off: the next number of the POS's series.", 3, Flag(), True),
    _P("date_is_sync_date", "Create the sale with a date equal to the sync date", "On: an order of 5 January that is "
       "pulled on 10 January becomes a sale of 10 January. Off: the sale has the day of the order, 5 January.", 3,
       Flag(), False),
    _P("customer_type", "Customer type", "The type given to new customers. None: they have no type.", 3,
       _erp("customer_type")),
    _P("check_phone", "Check by phone", "On: a customer with the phone of the order is taken; where no phone is found, "
       "a new customer is created. Off: the phone is not looked at. Tax numbers are always checked, and go first.", 3,
       Flag(), True),
    _P("check_email", "E-mail verification", "On: a customer with the e-mail of the order is taken, where its phone "
       "found none; where no e-mail is found either, a new customer is created. Off: the e-mail is not looked at.", 3,
       Flag(), True),
    _P("merchant", "Merchant", "The user in whose name sales are created.", 3, _erp("user")),
    _P("notice_user", "Notice", "The user who is notified of problems and of their solution: by e-mail, and by the "
       "services of chansync notices add.", 3, _erp("user")),
    _P("currency", "Currency", "Used only where the order states none.", 3, CurrencyCode()),
    _P("document_type", "Financial document", "The type of the financial document that is issued. None: issuing one is "
       "a problem, until a type is chosen.", 3, _erp("document_type")),
    _P("issue_document", "Issue financial document", "On: the financial document is issued when the sale is created. "
       "Off: by hand, or upon payment.", 3, Flag(), False),
    _P("pay_immediately", "Pay immediately", "On: the document's payment is recorded at once, to the POS's account or "
       "cash desk. Off: when the order's status says that it is paid.", 3, Flag(), False,
       only_with=("issue_document",)),
    _P("delivery_method", "Method of delivery", "Used where no delivery mapping applies. None: such an order is a "
       "problem.", 3, _erp("delivery_method")),
    _P("transport_service", "Transport service", "The service on the line for shipping. None: an order with paid "
       "shipping is a problem.", 3, _erp("service")),
    _P("fee_service", "Fee service", "The service on the lines for fees. None: an order with a fee is a problem.", 3,
       _erp("service")),
    _P("adjustment_service", "Adjustment service", "The service on the line of a difference between an order's total "
       "and its lines that a person has accepted. None: no difference can be accepted.", 3, _erp("service")),
    _P("gift_card_payment_method", "Gift card payment method", "The payment method of the POS that gift cards and "
       "store credit are paid by. None: what they pay stays owed, and is a problem.", 3, _erp("payment_method")),
    _P("write_out_immediately", "Write out immediately", "On: the sale is written out when it is created, for an "
       "outside warehouse that ships it; stock goes down at once. Off: by hand.", 3, Flag(), False,
       warning="The goods of every new sale leave the warehouse's stock at once, before anybody has packed them. "
       "Right only where an outside warehouse ships."),
    _P("block_quantities", "Blocking quantities", "On: the sale's quantities are blocked when it is created. Off: they "
       "stay free for other sales until it is written out.", 3, Flag(), False),
    _P("fba_warehouse", "FBA warehouse", "The warehouse for the stock that the platform keeps and ships itself: such "
       "orders are blocked and written out there, and no status is sent back.", 3,
       _erp("warehouse"), capability="site_sends"),
    _P("write_out_what_the_site_ships", "Write out what the site ships", "On: a sale is written out when the platform "
       "says that its goods have left, from its own stock or shipped by hand on the site. Off: a person writes it out.",
       3, Flag(), False, capability="site_sends"),
    _P("create_request", "Create a request", "On: a request is created for stock that is missing. Off: nothing is "
       "requested.", 3, Flag(), False),
    _P("request_warehouses", "Warehouses to check on request", "Where stock is looked for before a request. None: the "
       "POS's warehouse.", 3, References(source="erp", of="warehouse"), (), only_with=("create_request",)),
    _P("order_statuses", "Order status", "Orders with one of these statuses are imported. Others are imported as "
       "soon as they get one of them.", 3, _STATUSES, (), needed=True),
    _P("paid_statuses", "Statuses paid", "The sales of orders with one of these statuses get a payment. None: payments "
       "are entered by hand.", 3, _STATUSES, ()),
    _P("paid_by_settlement", "Paid by settlement", "On: a sale is paid when a settlement of the marketplace pays it "
       "out. Off: when the order's status says that it is paid.", 3, Flag(), False, capability="settlements"),
    _P("issue_document_on_payment", "Issue financial document upon payment", "On: when a payment is due and the "
       "sale has no financial document, it is issued first. Off: that is a problem.", 3, Flag(), False),
    _P("refused_statuses", "Statuses refused", "The sales of orders with one of these statuses are cancelled, or "
       "reversed where they are written out. An order that is refused when it is seen first is not imported.", 3,
       _STATUSES, ()),
    _P("push_statuses", "Synchronisation statuses", "On: what becomes of a sale sets the status of its order on the "
       "site. Off: statuses of the site are never changed.", 3, Flag(), False, capability="push_statuses"),
    _P("status_partly_written_out", "Status to be sent when the sale is partly completed", "The status that a "
       "sale sends when the first of several packages is written out. None: nothing is sent.", 3, _STATUS,
       only_with=("push_statuses",), capability="free_statuses"),
    _P("status_written_out", "Status to be sent when the sale is completed", "The status that a sale that is written "
       "out sends. None: nothing is sent.", 3,
       _STATUS, only_with=("push_statuses",), capability="free_statuses"),
    _P("status_written_out_and_paid", "Status to be sent when the sale is completed and paid",
       "The status that a sale that is written out and paid sends. None: nothing is sent.", 3, _STATUS,
       only_with=("push_statuses",), capability="free_statuses"),
    _P("status_cancelled", "Status to be sent when the sale is cancelled", "The status that a cancelled sale sends. "
       "None: nothing is sent.", 3, _STATUS,
       only_with=("push_statuses",), capability="free_statuses"),
    _P("carrier", "Carrier", "The carrier that is sent to the site if the sale was written out without one.", 3,
       Text(longest=60), only_with=("push_statuses",), capability="confirm_shipments"),
    _P("tracking_note", "Tracking by note", "On: where the site has no other place for a tracking number, a note tells "
       "it to the customer. Off: such a number is not told, which is a problem.", 3, Flag(), False,
       only_with=("push_statuses",), capability="tell_tracking"),
    _P("push_quantities", "Synchronising quantities", "On: the site is told whether an item is in stock. Off: stock on "
       "the site is left alone.", 3, Flag(), False, capability="push_quantities"),
    _P("quantity_warehouses", "Warehouses for synchronising quantities", "Whose stock counts. None: the POS's "
       "warehouse.", 3, References(source="erp", of="warehouse"), (), only_with=("push_quantities",),
       capability="push_quantities"),
    _P("push_exact_quantities", "Synchronise exact quantities", "On: the number itself is sent. Off: only whether "
       "there is stock.", 3, Flag(), False, only_with=("push_quantities",), capability="push_quantities"),
    _P("stock_reserve", "Stock reserve", "So many pieces of each item are never offered on the site.", 3, Pieces(),
       only_with=("push_quantities",), capability="push_quantities"),
    _P("offer_at_most", "Offer at most", "The site is never told of more pieces of an item than that. None: all that "
       "there are.", 3, Pieces(), only_with=("push_exact_quantities",), capability="push_quantities"),
    _P("remove_at_zero", "Remove items when stock reaches 0", "On: an item is hidden on the site when none is left, "
       "and shown again when there is stock. Off: it stays there, out of stock.", 3, Flag(), False,
       only_with=("push_quantities",), capability="hide_items"),
    _P("orders_every", "Orders every", "How often orders are pulled.", 3, Duration(), "5min"),
    _P("statuses_every", "Statuses every", "How often statuses are pushed.", 3, Duration(), "5min"),
    _P("quantities_every", "Quantities every", "How often quantities are pushed.", 3, Duration(), "15min"),
    _P("comparison_every", "Comparison every", "How often the orders of the last 90 days are compared with the site's: "
       "what is missing is fetched, what is gone is reported.", 3, Duration(), "1d", capability="compare"),
    _P("webhook_address", "Webhook address", "The public address at which the site reaches this daemon, such as "
       "https://erp.example/chansync. With it the site tells by webhooks at once which order is new or changed; the "
       "connection makes them there. The daemon must take them: chansync daemon --webhooks PORT. None: orders come by "
       "pulls alone.", 3, SiteAddress(), capability="webhooks"),
    _P("returns_every", "Returns every", "How often it is read what buyers send back. Amazon makes the report first: "
       "the run after the one that asked for it reads it.", 3, Duration(), "off", capability="returns"),
    _P("take_back_returns", "Take back returns", "On: pieces that came back are put into stock by themselves. Off: a "
       "person decides on each return.", 3, Flag(), False, capability="returns"),
    _P("settlements_every", "Settlements every", "How often the marketplace's settlements are read: what it has paid "
       "out, its fees, and the refunds that it has made. They are the same for all channels of a system, whose "
       "application needs Amazon's role Finance and Accounting.", 3, Duration(), "off", capability="settlements"),
    _P("vat_number_keys", "VAT number keys", "More names under which the site's plugins keep a VAT number, beside "
       "the usual ones.", 3, TextList(), (), capability="number_keys"),
    _P("uic_keys", "UIC keys", "More names under which the site's plugins keep a registered company number.", 3,
       TextList(), (), capability="number_keys"),
    _P("personal_number_keys", "Personal number keys", "More names under which the site's plugins keep a personal "
       "number.", 3, TextList(), (), capability="number_keys"),
    _P("used", "Used", "The channel is active: it syncs, and is in the list of integrations.", 3, Flag(), False,
       opening=True),
    # 6 Tax transactions
    _P("tax_transaction", "Tax transaction", "The tax transaction of the channel's sales where no case is "
       "mapped: chansync map tax.", 6, _erp("tax_transaction")),
)  # fmt: skip

BY_NAME: Mapping[str, Parameter] = {parameter.name: parameter for parameter in PARAMETERS}


def default_values() -> dict[str, Any]:
    """The default values of a new channel; lists are copied."""
    return defaults(PARAMETERS)
