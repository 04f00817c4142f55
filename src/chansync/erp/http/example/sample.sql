-- A small company to begin with: a warehouse, a POS, two payment methods, and the goods of chansync's demo store.
INSERT INTO reference (kind, pos, code, name, data) VALUES
    ('warehouse', '', 'W1', 'Main warehouse', '{}'),
    ('pos', '', 'WEB', 'Web shop', '{"warehouse": "W1", "currencies": ["EUR", "BGN"]}'),
    ('payment-method', 'WEB', 'bank', 'Bank transfer', '{}'),
    ('payment-method', 'WEB', 'cash', 'Cash on delivery', '{}'),
    ('payment-method', 'WEB', 'card', 'Gift card', '{}'),
    ('delivery-method', 'WEB', 'courier', 'Courier', '{}'),
    ('delivery-method', 'WEB', 'pickup', 'Pickup', '{}'),
    ('document-type', '', 'invoice', 'Invoice', '{}'),
    ('customer-type', '', 'web', 'Web customer', '{}'),
    ('sale-type', '', 'web', 'Web sale', '{}'),
    ('tax-transaction', '', 'domestic', 'Domestic sale', '{"rate": "19"}'),
    ('user', '', 'shop', 'Web shop', '{"email": "shop@example.com"}'),
    ('service', '', 'SHIPPING', 'Shipping', '{}'),
    ('service', '', 'FEE', 'Fee', '{}');

WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 40)
INSERT INTO reference (kind, code, name) SELECT 'item', printf('SKU-%03d', n), printf('Item %d', n) FROM n;

WITH shirt (n) AS (VALUES (1), (2), (3), (4), (5)), size (s) AS (VALUES ('S'), ('M'), ('L'))
INSERT INTO reference (kind, code, name)
SELECT 'item', printf('SHIRT-%d-%s', n, s), printf('Shirt %d - %s', n, s) FROM shirt, size;

INSERT INTO movement (warehouse, item, pieces)
SELECT 'W1', code, CASE WHEN code LIKE 'SHIRT%' THEN 50 ELSE 1000 END FROM reference WHERE kind = 'item';
