"""Organisations, teams, people and what signs them in."""
