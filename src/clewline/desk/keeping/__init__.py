"""Keeping a desk: backups, restoring them, copies of its keys."""
