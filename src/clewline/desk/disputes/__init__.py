"""Disputes of a listing, by anybody: received, taken up, decided by two people, answered."""
