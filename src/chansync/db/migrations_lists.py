"""The SQL of the migration ``lists``; only ``chansync.db.migrations`` imports it.

The lists of orders and of the ERP are read a page at a time in their own order, so each has an index that holds that
order and every column that its filters look at: a filter that matches little then reads narrow entries, never rows
with the site's own data in them.
"""

ORDERS = """
ALTER TABLE "order" ADD COLUMN customer TEXT NOT NULL DEFAULT '';
UPDATE "order" SET customer = (
    SELECT c.name FROM erp_sale s JOIN erp_customer c ON c.id = s.customer_id WHERE s.id = "order".sale_id
) WHERE sale_id IS NOT NULL;
CREATE INDEX order_listed ON "order" (changed_at, id, state, status, channel_id, number, customer);
CREATE INDEX order_problems ON "order" (changed_at, id) WHERE state = 'problem';
DROP INDEX order_imported;
CREATE INDEX order_of_channel ON "order" (channel_id, changed_at, id, state, status, sale_id);
"""

RUNS = """
CREATE INDEX run_by_time ON run (started_at, created);
"""

ERP = """
CREATE INDEX erp_sale_listed ON erp_sale (id, channel_code, number, order_number);
CREATE INDEX erp_payment_by_account ON erp_payment (account_id, currency, amount);
"""
