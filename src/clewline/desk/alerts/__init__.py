"""Alerts: what partners are told of addresses, how it reaches them, and that it did."""
