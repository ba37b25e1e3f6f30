"""What partners gave: files taken into quarantine, item by item for a person; never records."""
