"""Reading what others share, from a server whose URL the operator gave: a TAXII 2.1 client.

It asks and never adds. What it writes, `share validate` and `share import` take.
"""
