"""A Tryton for the demo and for the tests: installed from PyPI, filled over its own JSON-RPC, run as a process."""
