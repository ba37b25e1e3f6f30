"""What may be told of a record: every field by name, and which of them a rule must name itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from clewline import vocab

KINDS: Final = {
    "address": "Address of a chain",
    "transaction": "Transaction",
    "site": "Site, by the address of a page",
    "brand": "Brand",
    "contact": "Contact of a seller",
    "indicator": "Something in a page's source",
    "option": "Payment option other than an address",
    "report": "Report: payment, category and place of a server",
}
"""Kind of record → what it is."""


@dataclass(frozen=True)
class Field:
    """One thing that may be told of a record.

    Attributes
    ----------
    id : str
        Name, as rules and answers use it.
    title : str
        Words that people read.
    guarded : bool
        Whether a rule that releases *all* leaves it out: it must be named.
    """

    id: str
    title: str
    guarded: bool = False


FIELDS: Final = {
    field.id: field
    for field in (
        Field("address", "Address in its canonical form"),
        Field("chain", "Chain and network"),
        Field("txid", "Transactions"),
        Field("standing", "Mention, or control established"),
        Field("status", "Active, disputed or withdrawn"),
        Field("first_seen", "First time it was seen"),
        Field("last_seen", "Last time it was seen"),
        Field("sightings", "Number of sightings"),
        Field("grade", "Grades of source and information"),
        Field("label", "Who is said to hold it, with source"),
        Field("custody", "Whether an exchange holds it"),
        Field("rail", "Means of payment"),
        Field("processor", "Brand of the means of payment"),
        Field("price", "Price, currency, period"),
        Field("brand", "Codename of the site's brand"),
        Field("category", "Category of the label"),
        Field("classification", "Scheme, version and label of the classification"),
        Field("hosting_country", "Country in which the server stands"),
        Field("location_kind", "Kind of location"),
        Field("report_ref", "Reference of the report"),
        Field("markings", "TLP, PAP and handling"),
        Field("brand_name", "Real name of the brand", guarded=True),
        Field("url", "Address of the page", guarded=True),
        Field("wording", "Wording of the page", guarded=True),
        Field("contact", "Contact of the seller", guarded=True),
        Field("indicator", "What stands in the page's source", guarded=True),
        Field("summary", "Neutral summary", guarded=True),
        Field("source", "Protected source", guarded=True),
    )
}
"""Name → field, in the order of answers."""

GUARDED: Final = frozenset(field.id for field in FIELDS.values() if field.guarded)
"""Fields that only a rule that names them releases."""

_TIMES: Final = ("first_seen", "last_seen")


def in_words(name: str, said: str) -> str:
    """Return what a field tells, as people read it: words for ids, times without letters.

    Parameters
    ----------
    name : str
        Of a field, or of a part of one, as `period` is of `price`.
    said : str
        As answers and reports carry it; times in UTC, ISO 8601.

    Returns
    -------
    str
        What is no id and no time comes back as it is.

    Examples
    --------
    >>> in_words("location_kind", "hidden_service")
    'Hidden service'
    >>> in_words("first_seen", "2021-01-11T14:45:58+00:00")
    '2021-01-11 14:45 UTC'
    >>> in_words("report_ref", "REP-1")
    'REP-1'
    """
    if name in _TIMES:
        return f"{said[:10]} {said[11:16]} UTC"
    if name == "category" and said in vocab.categories():
        return vocab.categories()[said].title
    known = vocab.record_fields().get(name)
    return known.words.get(said, said) if known else said
