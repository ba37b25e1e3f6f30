"""Heuristics: arrays of a chain in, one verdict a transaction out, each with its reason."""
