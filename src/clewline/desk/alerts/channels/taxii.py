"""A TAXII 2.1 collection that the recipient reads with its key; the server is `taxii_views`."""

from __future__ import annotations

from typing import Final

from clewline.desk.alerts.channels.kind import Kind

CHANNEL: Final = Kind("taxii", "TAXII 2.1 collection", pushes=False)
