"""The audit log: hash-chained, reads included."""
