"""A list that the recipient fetches: whole, or what changed since a version; CSV or JSON."""

from __future__ import annotations

from typing import Final

from clewline.desk.alerts.channels.kind import Kind

CHANNEL: Final = Kind("pull", "List (CSV, JSON)", pushes=False, reports=True)
