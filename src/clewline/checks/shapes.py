"""What requests and answers look like.

The shapes are those that compliance systems know from the services they use: register a transfer,
get an external id, read alerts with level, category, service, exposure type and amount; register an
address, read its cluster, identifications, exposures and triggers. Compatible in shape only: names
of categories, levels and what stands behind them are Clewline's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from clewline.checks.register import Registration
from clewline.errors import DataError

MOST_BYTES: Final = 16_384
"""Of a request."""
_PLAIN: Final = re.compile(r"[\x20-\x7e]*")
_MOST_DIGITS: Final = 40


class Text(NamedTuple):
    """A text field: name in a request, longest, what it is, whether it must be there."""

    name: str
    longest: int
    help: str
    needed: bool = False


_CUSTOMER: Final = Text(
    "userId", 120, "The exchange's reference of its customer, no name.", needed=True
)
_NETWORK: Final = Text("network", 40, "Name or ticker of the chain.")
_ASSET: Final = Text("asset", 40, "Ticker.")
_AMOUNT: Final = Text("assetAmount", 40, "Decimal number, as text or number.")

FIELDS: Final = {
    "transfer": (
        Text("transferReference", 200, "The exchange's reference of the transfer.", needed=True),
        Text("address", 200, "The other side; `outputAddress` is taken as well.", needed=True),
        Text("direction", 10, "sent or received.", needed=True),
        Text("transferTimestamp", 40, "ISO 8601 with offset."),
        *(_NETWORK, _ASSET, _AMOUNT),
    ),
    "withdrawal": (
        Text("attemptIdentifier", 200, "The exchange's reference of the attempt.", needed=True),
        Text("address", 200, "Where it is to go.", needed=True),
        Text("attemptTimestamp", 40, "ISO 8601 with offset."),
        *(_NETWORK, _ASSET, _AMOUNT),
    ),
    "address": (Text("address", 200, "The address.", needed=True), _NETWORK, _ASSET),
}
"""Fields of a request by what it registers; docs/CHECKS.md is held against them."""

_ALSO: Final = {"outputAddress": "address"}


def read_request(kind: str, user: str, body: bytes) -> Registration:
    """Read what is to be registered.

    Parameters
    ----------
    kind : str
        A key of `FIELDS`.
    user : str
        From the path; empty for an address.
    body : bytes
        JSON.

    Raises
    ------
    DataError
        If it is none, names the field and what is allowed.

    Examples
    --------
    >>> body = b'{"address": "x", "attemptIdentifier": "W-1", "assetAmount": 1.50}'
    >>> read_request("withdrawal", "C-1", body).amount
    '1.50'
    """
    if len(body) > MOST_BYTES:
        raise DataError(f"a request has at most {MOST_BYTES} bytes")
    try:
        # Numbers stay as they are written: no amount is rounded.
        given = json.loads(body, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        raise DataError("a request is JSON") from None
    if not isinstance(given, dict):
        raise DataError("a request is an object")
    given = {_ALSO.get(key, key): value for key, value in given.items()}
    fields = {field.name: field for field in FIELDS[kind]}
    for key in given:
        if key not in fields:
            raise DataError(f"no field {key[:60]!r}; there are: {', '.join(fields)}")
    values = {name: _text(given.get(name), field) for name, field in fields.items()}
    direction = values.get("direction", "sent" if kind == "withdrawal" else "").casefold()
    if kind == "transfer" and direction not in {"sent", "received"}:
        raise DataError("direction: sent or received")
    _text(user, _CUSTOMER._replace(needed=kind != "address"))
    return Registration(
        kind=kind,
        user=user,
        reference=values.get("transferReference")
        or values.get("attemptIdentifier")
        or values["address"],
        network=values["network"],
        asset=values["asset"],
        address=values["address"],
        direction=direction,
        amount=_amount(values.get("assetAmount", "")),
        happened_at=_moment(
            values.get("transferTimestamp", "") or values.get("attemptTimestamp", "")
        ),
    )


def registered(row: Registration) -> dict[str, Any]:
    """Return the answer to a registration: nothing in it depends on what is found."""
    return {
        "externalId": row.id,
        "updatedAt": None,
        "network": row.network or None,
        "asset": row.asset or None,
        "address": row.address,
        "reference": row.reference,
        "assetAmount": row.amount or None,
        "timestamp": row.happened_at or None,
    }


def summary(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a registration with where its screening stands."""
    return {
        "externalId": found["id"],
        "updatedAt": found["screened_at"] or None,
        "network": found["network"] or None,
        "asset": found["asset"] or None,
        "address": found["address"],
        "reference": found["reference"],
        "assetAmount": found["amount"] or None,
        "timestamp": found["happened_at"] or None,
        "result": found["result"] or "pending",
        "listVersion": found["list_version"] or None,
        "tip": found["tip"] or None,
    }


def alert(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an alert."""
    return {
        "externalId": found["id"],
        "alertLevel": found["level"],
        "category": found["category"],
        "service": found["service"],
        "exposureType": found["exposure"],
        "direction": found["direction"] or None,
        "alertAmount": found["amount"] or None,
        "share": found["share"],
        "hops": found["hops"],
        "labelSet": found["label_set"],
        "reason": found["reason"],
        "listVersion": found["list_version"],
        "raisedAt": found["raised_at"],
    }


def entity(found: Mapping[str, Any], alerts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is known of an address: its cluster, identifications, exposures, triggers."""
    own = [one for one in alerts if one["hops"] == 0 or not one["direction"]]
    clustered = next((one for one in own if one["reason"].startswith("in one cluster")), None)
    return {
        "address": found["address"],
        "status": "COMPLETE" if found["result"] else "PENDING",
        "result": found["result"] or "pending",
        "risk": alerts[0]["level"].capitalize() if alerts else None,
        "riskReason": alerts[0]["reason"] if alerts else None,
        "cluster": None
        if clustered is None
        else {"name": clustered["service"], "category": clustered["category"]},
        "addressIdentifications": [
            {
                "name": one["service"],
                "address": found["address"],
                "category": one["category"],
                "description": one["reason"],
                "url": None,
            }
            for one in own
            if one is not clustered
        ],
        "exposures": [
            {
                "category": one["category"],
                "exposureType": one["exposure"].lower(),
                "direction": one["direction"].lower() or None,
                "value": one["amount"] or None,
                "share": one["share"],
                "hops": one["hops"],
            }
            for one in alerts
            if one not in own
        ],
        "triggers": [
            {
                "category": one["category"],
                "percentage": one["share"],
                "message": one["reason"],
                "ruleTriggered": {
                    "risk": one["level"],
                    "direction": one["direction"] or None,
                    "exposureType": one["exposure"],
                    "minThreshold": 0,
                },
            }
            for one in alerts
        ],
        "listVersion": found["list_version"] or None,
        "tip": found["tip"] or None,
    }


def _text(value: Any, field: Text) -> str:
    """Return a field as text within its bounds."""
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise DataError(f"{field.name}: text")
    text = value.strip()
    if len(text) > field.longest or not _PLAIN.fullmatch(text):
        raise DataError(f"{field.name}: at most {field.longest} printable ASCII characters")
    if field.needed and not text:
        raise DataError(f"{field.name}: is missing. {field.help}")
    return text


def _amount(text: str) -> str:
    """Return a decimal number without exponent or sign."""
    if not text:
        return ""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise DataError("assetAmount: a decimal number") from None
    if not number.is_finite() or number < 0 or abs(number.adjusted()) > _MOST_DIGITS:
        raise DataError("assetAmount: a decimal number from 0")
    return f"{number:f}"


def _moment(text: str) -> str:
    """Return a time that says its offset."""
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DataError("timestamp: ISO 8601") from None
    if moment.utcoffset() is None:
        raise DataError("timestamp: with its offset from UTC")
    return text
