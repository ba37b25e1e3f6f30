"""The desk: where a hotline records what payment pages say and finds it again.

A Django project on SQLite or PostgreSQL. Each app has its models, its `services` (every change of
state) and its views (thin: one door, one service call, one page).
"""
