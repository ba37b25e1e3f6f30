"""One event in the recipient's own MISP, added once and edited from then on.

What is pushed is the whole list as it is now, so that the order in which deliveries arrive does not
matter, and a repeat changes nothing.
"""

from __future__ import annotations

import json
from typing import Any, Final

from clewline.desk.alerts import sending
from clewline.desk.alerts.channels.kind import Kind, Parcel
from clewline.errors import DeliveryError
from clewline.sharing import misp


def send(parcel: Parcel) -> str:
    """Edit the event; add it where the receiver does not have it."""
    event = misp.event(parcel.whole())
    answer = _post(parcel, f"events/edit/{event['uuid']}", event)
    if answer.status == 404:
        answer = _post(parcel, "events/add", event)
    if answer.status != 200:
        raise DeliveryError(f"answered {answer.status}")
    return f"HTTP {answer.status}"


def _post(parcel: Parcel, path: str, event: dict[str, Any]) -> sending.HttpAnswer:
    """Post an event to the receiver's API."""
    headers = {
        "Authorization": parcel.secret,
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Clewline-Delivery": parcel.delivery,
    }
    body = json.dumps({"Event": event}).encode()
    return sending.post(f"{parcel.target.rstrip('/')}/{path}", body, headers)


CHANNEL: Final = Kind(
    "misp-push",
    "MISP event in their own MISP",
    pushes=True,
    target_label="Address of their MISP (https)",
    secret_label="Their MISP key",  # noqa: S106 - a label
    check=sending.require_url,
    send=send,
)
