"""Outside systems: the protocol that a connector implements, how connectors are found, and those of this package."""
