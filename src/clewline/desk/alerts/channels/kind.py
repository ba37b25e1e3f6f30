"""What every channel is: a name, what it asks for, and how it hands a parcel over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clewline.errors import DeliveryError
from clewline.sharing import SharedList

REPORT: Final = "report"
"""Kind of a parcel that is no alert but a report of a page."""


@dataclass(frozen=True)
class Parcel:
    """What a channel carries: one recipient's copy or report, and how it is named on the wire.

    Attributes
    ----------
    delivery : str
        32 hex digits, the same at every attempt; a receiver drops what it has seen.
    reference : str
        The alert or report as this recipient knows it.
    kind : str
        ``new``, ``changed`` or ``withdrawn`` of an alert, ``report``.
    at : datetime
        When it was approved.
    document : bytes
        The copy as JSON: what changed since the version before; or the report.
    whole : callable
        Makes the whole list as it is now, for receivers that hold one event and no changes.
    target, secret : str
        Of the channel.
    """

    delivery: str
    reference: str
    kind: str
    at: datetime
    document: bytes
    target: str
    secret: str
    whole: Callable[[], SharedList]


def lies_there(_parcel: Parcel) -> str:
    """Refuse to send what is fetched."""
    raise DeliveryError("this channel is fetched by the recipient")


def nowhere(_target: str) -> None:
    """Take no target."""


@dataclass(frozen=True)
class Kind:
    """One kind of channel.

    Attributes
    ----------
    name : str
        As it is stored.
    title : str
        For people.
    pushes : bool
        Whether we send; otherwise the recipient fetches.
    reports : bool
        Whether reports of pages go this way, too.
    target_label, secret_label : str
        What a person enters for a channel of this kind; empty if there is nothing to enter.
    check : callable
        Refuses a target that is none.
    send : callable
        Hands a parcel over and returns what the receiver said; raises `DeliveryError`.
    """

    name: str
    title: str
    pushes: bool
    reports: bool = False
    target_label: str = ""
    secret_label: str = ""
    check: Callable[[str], object] = nowhere
    send: Callable[[Parcel], str] = lies_there
