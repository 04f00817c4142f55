"""The ERP, where sales live: the protocol and the embedded ledger."""
