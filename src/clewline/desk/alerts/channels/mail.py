"""A mail that says that something lies ready, and nothing of what it is.

Mail is stored in the clear where it arrives and is forwarded by habit. So it bears the recipient's
own reference and where to fetch it with the recipient's key: no address, no wording, no number.
"""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from django.utils.timezone import now

from clewline.desk.alerts import sending
from clewline.desk.alerts.channels.kind import REPORT, Kind, Parcel
from clewline.errors import UsageError
from clewline.settings import value_of

_ADDRESS: Final = re.compile(r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9.\-]{1,180}")
_SAYS: Final = {
    "new": "A new alert is ready for you.",
    "changed": "An alert that you received has changed.",
    "withdrawn": "An alert that you received is withdrawn. Please stop using what it named.",
    REPORT: "A report of a page is ready for you. Please say what becomes of it.",
}


def check(target: str) -> None:
    """Refuse what is no plain mail address; a line break in it would be another header."""
    if not _ADDRESS.fullmatch(target):
        raise UsageError("must be one mail address", where="address", hint="alerts@partner.example")


def message(parcel: Parcel) -> EmailMessage:
    """Return the mail for a parcel."""
    origin = (value_of("desk_origin") or "http://localhost:8000").rstrip("/")
    sender = value_of("mail_from") or "clewline@localhost"
    noun, clue = "Alert", "An alert"
    where = f"Fetch it with your access key: {origin}/share/alerts/{parcel.reference}.json"
    if parcel.kind == REPORT:
        noun, clue = "Report", "A report"
        way = f"{origin}/share/reports/{parcel.reference}/"
        where = f"Open it with your access key as password: {way}"
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, parcel.target
    mail["Subject"] = f"{noun} {parcel.reference}"
    mail["Date"] = format_datetime(now())
    mail["Message-ID"] = f"<{parcel.delivery}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(
        f"{_SAYS[parcel.kind]}\n\n"
        f"Reference: {parcel.reference}\n"
        f"{where}\n\n"
        f"{clue} is a clue, not proof. This mail holds nothing of its content.\n",
        cte="7bit",  # so that no line is broken, nor the reference in it
    )
    return mail


def send(parcel: Parcel) -> str:
    """Send the mail: one message, one recipient."""
    return sending.mail(message(parcel))


CHANNEL: Final = Kind(
    "email",
    "E-mail",
    pushes=True,
    reports=True,
    target_label="Mail address",
    check=check,
    send=send,
)
