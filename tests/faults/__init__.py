"""Kills, broken environments and broken networks, and the proof that nothing was lost, doubled or half done."""
