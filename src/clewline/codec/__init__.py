"""Bytes to values and back, pure: hashes, base58, bech32, scripts, addresses, blocks."""
