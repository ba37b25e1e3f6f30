"""A draft of a suspicious-activity report for FinCEN: narrative, and tables beside it.

The narrative says what was seen, by which method, what else could explain it, and what is not
known. It names no person: who files fills the subject in from the exchange's own records. A draft
that would be longer than the form takes is refused, never shortened.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from clewline.errors import TooLargeError
from clewline.filing.facts import ROLES, Facts
from clewline.filing.terms import Term, misspelt
from clewline.reports.sheet import harmless

LONGEST: Final = 20_000
"""Characters of a narrative: five parts of 4,000 (FinCEN SAR electronic filing requirements)."""
TO_FILL: Final = "[TO FILL IN]"

DRAFT: Final = (
    "DRAFT, made from records for a person to read, complete and file. Nothing has been sent to "
    "anybody. Delete this line."
)
ALTERNATIVES: Final = (
    "A page that shows an address does not prove who controls it.",
    "The account holder may be a mule, a victim of theft, or a service that acts for others.",
    "An address may have been assigned to somebody else at the time; refunds and unasked small "
    "payments exist.",
)
"""Printed in every narrative."""

_COLUMNS: Final = (
    *("reference", "time", "direction", "asset", "amount", "fiat_amount", "fiat_currency"),
    *("rate_source", "address", "link", "standing", "hops", "txid", "output"),
)


def narrative(facts: Facts, term: Term) -> str:
    """Return the text of the narrative.

    Raises
    ------
    TooLargeError
        If it is longer than the form takes; names by how much.
    """
    direct = [one for one in facts.transfers if one.link == "direct"]
    purchases = [
        one for one in direct if one.standing == "control" and one.direction == "from_customer"
    ]
    times = sorted(one.time for one in facts.transfers)
    parts = [
        DRAFT,
        f"{term.key}",
        "SUMMARY\n"
        f"{facts.institution['name']} reports activity of one customer who {ROLES[facts.role]}, as "
        f"recorded on list {facts.list_version} of {facts.list_issuer} (as of {facts.list_as_of}). "
        f"{len(facts.transfers)} transfers between {times[0]} and {times[-1]}, {len(direct)} of "
        f"them directly with a listed address. {_counts(len(purchases))}",
        f"SUBJECT\nCustomer reference {facts.customer}. Name, date of birth, identification, "
        f"address, occupation, IP addresses with times: {TO_FILL} from the records of the account.",
        "AMOUNTS\n"
        + "\n".join(
            f"{label}: {_sums(facts, direction)}"
            for direction, label in (
                ("from_customer", "Sent by the customer"),
                ("to_customer", "Received by the customer"),
            )
        )
        + "\nEvery transfer, with transaction id, output and source of each fiat value, is in the "
        "attached transfers.csv.",
        "WHY IT IS REPORTED\n" + facts.review_reason,
        _listed("WHAT ELSE IS KNOWN", facts.known),
        f"METHOD\n{facts.method} Reviewed by {len(set(facts.reviewed_by))} people. "
        + (f"Chain as of {facts.tip}. " if facts.tip else "No block chain data was used. ")
        + "A direct link is one transaction with a listed address; an indirect one has other "
        "addresses in between and is no payment to it. The exposure of each transfer is in "
        "exposure.csv.",
        _listed("OTHER EXPLANATIONS THAT WERE CONSIDERED", ALTERNATIVES),
        _listed("NOT KNOWN", facts.not_known or (f"{TO_FILL}: what was looked for, not found",)),
        _listed(
            "ACTIONS TAKEN", facts.actions or (f"{TO_FILL}: restrictions, requests to keep open",)
        ),
        "Supporting records are kept and available on request.",
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    if len(text) > LONGEST:
        raise TooLargeError(
            f"the narrative has {len(text)} characters, the form takes {LONGEST}",
            where=facts.alert,
            hint="shorten known, not_known or review_reason",
        )
    return text


def package(facts: Facts, term: Term) -> dict[str, bytes]:
    """Return the files of a draft by name: narrative, fields, tables, and a manifest.

    The same facts give the same bytes.
    """
    text = narrative(facts, term)
    fields = {
        "2_filing_institution_note_to_fincen": term.key,
        "38_z_other_suspicious_activity": term.other,
        "key_term_source": term.source,
        "spelling": [f"{word!r}: is {near} meant?" for word, near in misspelt(text)],
    }
    files = {
        "narrative.txt": text.encode(),
        "fields.json": _json(fields),
        "transfers.csv": _csv(
            _COLUMNS,
            ([str(getattr(one, name) or "") for name in _COLUMNS] for one in facts.transfers),
        ),
        "exposure.csv": _csv(
            ("link", "standing", "direction", "asset", "transfers", "amount", "least_hops"),
            _exposure(facts),
        ),
    }
    manifest = {
        "draft": True,
        "alert": facts.alert,
        "list": facts.list_version,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    return {**files, "manifest.json": _json(manifest)}


def _counts(purchases: int) -> str:
    """Say how many transfers count as a payment, and why no other does."""
    if purchases:
        return f"{purchases} of these went to an address that a source says the operator controls."
    return (
        "None of these went to an address that a source says an operator controls; this is a lead, "
        "not a payment for anything."
    )


def _sums(facts: Facts, direction: str) -> str:
    """Return the sums of a direction in words."""
    sums = facts.total(direction)
    return ", ".join(f"{_plain(amount)} {unit}" for unit, amount in sums.items()) or "nothing"


def _plain(amount: Decimal) -> str:
    """Return a decimal number without exponent."""
    return f"{amount:f}"


def _exposure(facts: Facts) -> Iterable[list[str]]:
    """Yield the sums by link, standing, direction and asset."""
    keys = sorted({(one.link, one.standing, one.direction, one.asset) for one in facts.transfers})
    for key in keys:
        rows = [
            one
            for one in facts.transfers
            if (one.link, one.standing, one.direction, one.asset) == key
        ]
        total = sum((Decimal(one.amount) for one in rows), Decimal(0))
        yield [*key, str(len(rows)), _plain(total), str(min(one.hops for one in rows))]


def _listed(title: str, lines: Iterable[str]) -> str:
    """Return a section of sentences; nothing if there are none."""
    rows = [f"- {line}" for line in lines]
    return "\n".join([title, *rows]) if rows else ""


def _csv(header: Iterable[str], rows: Iterable[list[str]]) -> bytes:
    """Return a table in which no cell is taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def _json(value: object) -> bytes:
    """Return JSON for people."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
