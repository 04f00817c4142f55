"""The ERP, where sales live: the protocols, the embedded ledger, Tryton, and any other over HTTP."""
