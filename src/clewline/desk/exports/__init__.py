"""Bulk exports: two people, one copy, traceable to its recipient."""
