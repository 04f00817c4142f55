"""What several tests share: a database with an ERP in it, and orders to take in."""
