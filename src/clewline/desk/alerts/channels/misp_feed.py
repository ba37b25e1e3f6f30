"""A MISP feed that the recipient fetches with its key: a directory of its own, no public file."""

from __future__ import annotations

from typing import Final

from clewline.desk.alerts.channels.kind import Kind

CHANNEL: Final = Kind("misp-feed", "MISP feed", pushes=False)
