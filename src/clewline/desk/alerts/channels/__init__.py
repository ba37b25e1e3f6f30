"""The kinds of channel, one module each; `SENDERS` is the table."""

from __future__ import annotations

from typing import Final

from clewline.desk.alerts.channels import mail, misp_feed, misp_push, pull, taxii, webhook
from clewline.desk.alerts.channels.kind import Kind, Parcel

SENDERS: Final[dict[str, Kind]] = {
    one.CHANNEL.name: one.CHANNEL for one in (mail, webhook, taxii, misp_feed, misp_push, pull)
}
"""Name → kind."""

__all__ = ["SENDERS", "Kind", "Parcel"]
