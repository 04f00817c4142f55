"""One order: selected, drafted, decided and applied; and what people do with its sale."""
