"""HTTP for the connectors of platforms and of ERPs."""
