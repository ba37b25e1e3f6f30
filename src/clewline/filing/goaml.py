"""A draft of a goAML report (5.x) as XML, arranged and checked by the FIU's own schema.

Code lists, identifiers and required fields differ from country to country. All of them come from a
*profile*, a YAML file for one FIU, and from its XSD; this module knows only what a transfer is and
which element says it. What the schema has no place for is reported, never left out silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path
from typing import Any, Final

import yaml

from clewline.errors import DataError, UsageError
from clewline.filing.facts import Facts, Transfer
from clewline.filing.schema import Schema

_LARGEST: Final = 1 << 20
_CENT: Final = Decimal("0.01")
_RATE: Final = Decimal("0.00000001")
_EXACT: Final = Context(prec=80)
_REQUIRED: Final = {
    "rentity_id": int,
    "report_code": str,
    "currency_code_local": str,
    "country": str,
    "funds_code": str,
    "transmode_code": str,
    "source": str,
}
_OPTIONAL: Final = {
    "submission_code": str,
    "date_element": str,
    "rentity_branch": str,
    "reporting_person": dict,
    "location": dict,
    "currencies": dict,
    "indicators": dict,
    "customer_account": dict,
    "wallet_account": dict,
    "transaction": dict,
}


@dataclass(frozen=True)
class Profile:
    """What one FIU asks for.

    Attributes
    ----------
    file : str
        Where it was read.
    values : dict
        See docs/FILING.md.
    """

    file: str
    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        """Return a value; an empty one where an optional one is missing."""
        return self.values[name] if name in self.values else _OPTIONAL[name]()


@dataclass(frozen=True)
class Draft:
    """A report that was drafted.

    Attributes
    ----------
    document : bytes
        XML.
    problems : tuple of str
        What the schema says against it; it cannot be filed while there are any.
    unplaced : tuple of str
        Paths of values for which the schema has no place.
    """

    document: bytes
    problems: tuple[str, ...]
    unplaced: tuple[str, ...]


def read_profile(file: Path) -> Profile:
    """Read the profile of an FIU.

    Raises
    ------
    UsageError
        If the file cannot be read.
    DataError
        If it is no such YAML; names the key and what is allowed.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(file)) from None
    if len(data) > _LARGEST or b"&" in data.replace(b"&amp;", b""):
        raise DataError("is longer than 1 MB, or has anchors, which are not read", where=str(file))
    try:
        values = yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise DataError(f"is no YAML: {error}", where=str(file)) from None
    if not isinstance(values, dict):
        raise DataError("is no mapping", where=str(file))
    known = _REQUIRED | _OPTIONAL
    for key in values:
        if key not in known:
            raise DataError(f"no key {key!r}; there are: {', '.join(known)}", where=str(file))
    for key, kind in known.items():
        if key in _REQUIRED and key not in values:
            raise DataError("is missing", where=f"{file}, {key}")
        if key in values and type(values[key]) is not kind:
            raise DataError(f"is no {kind.__name__}", where=f"{file}, {key}")
    return Profile(str(file), values)


def draft(facts: Facts, profile: Profile, schema: Schema, *, day: str) -> Draft:
    """Draft a report.

    Parameters
    ----------
    facts : Facts
        What it says.
    profile : Profile
        Of the FIU.
    schema : Schema
        Of the FIU.
    day : str
        Date of the report, YYYY-MM-DD.

    Raises
    ------
    DataError
        If a transfer has no value in the FIU's currency, or an indicator no code of the FIU.
    """
    values: dict[str, Any] = {
        "rentity_id": profile["rentity_id"],
        "rentity_branch": profile["rentity_branch"] or None,
        "submission_code": profile["submission_code"] or "E",
        "report_code": profile["report_code"],
        "entity_reference": facts.alert,
        profile["date_element"] or "submission_date": f"{day}T00:00:00",
        "currency_code_local": profile["currency_code_local"],
        "reporting_person": profile["reporting_person"] or None,
        "location": profile["location"] or None,
        "reason": _reason(facts),
        "action": " ".join(facts.actions) or None,
        "transaction": [_transaction(one, facts, profile) for one in facts.transfers],
        "report_indicators": {"indicator": [_code(name, profile) for name in facts.indicators]},
    }
    if not facts.indicators:
        del values["report_indicators"]
    document, unplaced = schema.arranged("report", _without_empty(values))
    return Draft(document, tuple(schema.problems(document)), tuple(unplaced))


def _reason(facts: Facts) -> str:
    """Return why it is reported, with list and method."""
    return (
        f"{facts.review_reason} List {facts.list_version} of {facts.list_issuer}, as of "
        f"{facts.list_as_of}. {facts.method} A pointer to an account, no statement that its holder "
        "did anything."
    )


def _transaction(one: Transfer, facts: Facts, profile: Profile) -> dict[str, Any]:
    """Return a transfer as goAML's element ``transaction``."""
    local = profile["currency_code_local"]
    if one.fiat_currency != local:
        raise DataError(
            f"has no value in {local}, which the report needs", where=f"transfer {one.reference}"
        )
    code = profile["currencies"].get(one.asset, one.asset)
    worth, amount = Decimal(one.fiat_amount), Decimal(one.amount)
    rate = _EXACT.divide(worth, amount) if amount else Decimal(0)
    foreign = {
        "foreign_currency_code": code,
        "foreign_amount": one.amount,
        "foreign_exchange_rate": f"{rate.quantize(_RATE, context=_EXACT):f}",
    }
    customer = {**profile["customer_account"], "currency_code": code, **facts.customer_details}
    wallet = {**profile["wallet_account"], "account": one.address, "currency_code": code}

    def side(prefix: str, account: dict[str, Any]) -> dict[str, Any]:
        return {
            f"{prefix}_funds_code": profile["funds_code"],
            f"{prefix}_transaction_additional_info": {"virtual_address": one.address},
            f"{prefix}_foreign_currency": foreign,
            f"{prefix}_account": account,
            f"{prefix}_country": profile["country"],
        }

    sent = one.direction == "from_customer"
    mine, other = ("from", "to") if sent else ("to", "from")
    return {
        "transaction_location": facts.institution["name"],
        **profile["transaction"],
        "transactionnumber": one.reference,
        "internal_ref_number": one.txid or None,
        "transaction_description": _description(one),
        "date_transaction": one.time[:19],
        "transmode_code": profile["transmode_code"],
        "amount_local": f"{worth.quantize(_CENT, ROUND_HALF_UP):f}",
        f"t_{mine}_my_client": side(mine, customer),
        f"t_{other}": side(other, wallet),
    }


def _description(one: Transfer) -> str:
    """Return a transfer in a sentence."""
    place = f" Output {one.output} of {one.txid}." if one.txid and one.output is not None else ""
    shown = one.standing == "mention"
    standing = "a page showed" if shown else "a source says the operator controls"
    far = "to or from" if one.link == "direct" else f"{one.hops} transactions away from"
    return (
        f"{one.amount} {one.asset} {far} an address that {standing}.{place} "
        f"Value by {one.rate_source}."
    )


def _code(name: str, profile: Profile) -> str:
    """Return the FIU's code of an indicator."""
    codes = profile["indicators"]
    if name not in codes:
        raise DataError(
            f"no code for {name!r}; there are: {', '.join(codes) or 'none'}",
            where=f"{profile.file}, indicators",
        )
    return str(codes[name])


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values without those that are None, at every depth."""
    kept: dict[str, Any] = {}
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, dict):
            kept[name] = _without_empty(value)
        elif isinstance(value, list):
            kept[name] = [_without_empty(one) if isinstance(one, dict) else one for one in value]
        else:
            kept[name] = value
    return kept
