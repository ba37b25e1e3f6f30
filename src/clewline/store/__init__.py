"""The chain store: append-only columns, a manifest that publishes a tip, indexes beside them."""
