"""Watched addresses: payments to and from them that are new on the chain."""
