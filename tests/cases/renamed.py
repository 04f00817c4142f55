"""What cases name by a name that the database has no more.

A case outlives the schema that it was written for. Where a table or a column gets another name, the old name is kept
here, and cases go on reading it.
"""

from __future__ import annotations

#: Table, as cases name it → the query that gives its rows under the columns' old names. Each becomes a temporary view,
#: which SQLite finds before a table of the same name: such a query names the table itself ``main.<table>``.
VIEWS: dict[str, str] = {
    "order": """SELECT o.*, (SELECT s.id FROM sale_link l JOIN erp_sale s ON s.key = l.sale_key WHERE l.order_id = o.id)
                AS sale_id FROM main."order" o""",
}
