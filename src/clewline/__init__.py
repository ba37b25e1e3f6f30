"""Clewline: from an address on a payment page to the exchange that can name the account.

Text, metadata and blockchain data only. See ``ARCHITECTURE.md`` for where each concept lives;
`clewline.workspace` is the public face of the library.
"""

__version__ = "0.1.0"
