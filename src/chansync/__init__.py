"""chansync keeps an ERP and its sales channels the same."""

import sys

__version__ = "0.1.0"

# httpx loads its own command line, with rich and pygments, where those are installed. Nothing here uses it, and it is
# more than half of the time that loading httpx takes.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
