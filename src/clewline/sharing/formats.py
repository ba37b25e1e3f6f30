"""The one table of formats: who writes and reads each, and what it loses.

A loss is data: `after_losses` applies it, tests hold that it is exactly what comes back, and
``docs/SHARING.md`` is generated from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from clewline.errors import UsageError
from clewline.sharing.item import SharedItem, SharedList


@dataclass(frozen=True)
class Loss:
    """What a format does not carry, and why: a field of every item, or items of a kind."""

    what: str
    why: str


LOST_ITEMS: Final[Mapping[str, Callable[[SharedItem], bool]]] = MappingProxyType(
    {
        "items without an address": lambda item: item.address is None,
        "withdrawn items": lambda item: item.state == "withdrawn",
    }
)
"""Kinds of items that a format may leave out whole."""


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes
    ----------
    name : str
        As commands take it.
    title : str
        Name and version of the standard.
    extension : str
        Of a file, with its point.
    media_type : str
        As it is sent over HTTP.
    module : str
        Where its ``write`` and ``read`` are; imported when asked for.
    deltas : bool
        Whether it can say what changed since an earlier list.
    losses : tuple of Loss
        What it does not carry.
    traps : tuple of str
        What to know before one uses it.
    """

    name: str
    title: str
    extension: str
    media_type: str
    module: str
    deltas: bool = True
    losses: tuple[Loss, ...] = ()
    traps: tuple[str, ...] = ()


def _losses(why: str, *names: str) -> tuple[Loss, ...]:
    """Return losses that have one reason."""
    return tuple(Loss(name, why) for name in names)


_MISP_TRAVELS: Final = "An event travels on to every instance that synchronises."
_GRAPHSENSE_SHOWS: Final = "GraphSense shows tags to all its users; a tag is a claim, not a record."
_ALEPH_SEARCHES: Final = "A data set is searched in full text by all who may see it."
_NO_ADDRESS: Final = "The format describes addresses and has no object for another option."
_NO_WITHDRAWAL: Final = (
    "The format cannot take back: the file stands for the whole list, and loading it replaces the "
    "one before."
)

FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        one.name: one
        for one in (
            Format(
                "json",
                "JSON, canonical (in the spirit of RFC 8785)",
                ".json",
                "application/json",
                "clewline.sharing.json_file",
                traps=("Amounts are text: read as numbers, they lose digits.",),
            ),
            Format(
                "csv",
                "CSV (RFC 4180), UTF-8",
                ".csv",
                "text/csv; charset=utf-8; header=present",
                "clewline.sharing.csv_file",
                traps=(
                    "A cell that a spreadsheet could take for a formula begins with an apostrophe; "
                    "programs take it off again.",
                    "Spreadsheets turn a memo of digits into a number, and may drop its zeros: "
                    "import the column as text.",
                    "The first row says what the list is (`row` is `list`); skip it when matching.",
                ),
            ),
            Format(
                "stix",
                "STIX 2.1 bundle",
                ".stix.json",
                "application/stix+json;version=2.1",
                "clewline.sharing.stix",
                traps=(
                    "`cryptocurrency-wallet` is in no standard; two dialects share the name. Ours "
                    "is `value` and a property extension, whose definition is in every bundle. Of "
                    "others, `value` is read, and `holder_ref` passed over.",
                    "OpenCTI derives the identifier of a wallet from its value alone, so that one "
                    "string on five EVM chains becomes one object there. The chain stands in the "
                    "extension of wallet, indicator and relationship; indicators stay five.",
                    "Observables cannot be revoked (STIX 2.1 gives them no `revoked`): the "
                    "indicator, the note and the relationship are.",
                    "TLP is 2.0, by the OASIS marking; PAP is a statement marking.",
                    "Identifiers are UUIDs of version 5; validators warn (103) that they are not "
                    "of version 4.",
                    "Validate with stix2-validator 3.2.0: 3.3.1 ships no schemas and finds every "
                    "document invalid.",
                ),
            ),
            Format(
                "misp",
                "MISP core format, one event (also as a feed)",
                ".misp.json",
                "application/json",
                "clewline.sharing.misp",
                losses=(
                    *_losses(_MISP_TRAVELS, "brand_codename", "wording", "url"),
                    Loss("items without an address", _NO_ADDRESS),
                ),
                traps=(
                    "`address` of `coin-address` is of type `btc`: only real Bitcoin addresses "
                    "stand there. Others are `address-xmr` or `address-crypto`.",
                    "PyMISP's `schema.json` refuses every event with an object; validate with "
                    "`schema-lax.json`.",
                    "Grades are tagged on the Admiralty scale by a mapping; the original stands in "
                    "`text`.",
                    "A feed is a directory of files without authentication of its own: give it "
                    "behind one.",
                    "Withdrawn addresses come as deleted attributes, in the same event.",
                ),
            ),
            Format(
                "tagpack",
                "GraphSense TagPack",
                ".yaml",
                "application/yaml",
                "clewline.sharing.tagpack",
                deltas=False,
                losses=(
                    *_losses(
                        _GRAPHSENSE_SHOWS,
                        *("rail", "asset", "token", "period", "amount_min", "amount_max"),
                        *("price_currency", "payment_currency", "brand_codename"),
                        *("source_grade", "info_grade", "first_seen", "last_seen", "seen_count"),
                        *("rotation_group", "rotation_index", "valid_from", "valid_until"),
                        *("abuse_label", "hosting_country", "wording", "url"),
                    ),
                    Loss("items without an address", _NO_ADDRESS),
                    Loss("withdrawn items", _NO_WITHDRAWAL),
                ),
                traps=(
                    "The public TagPack repository takes public sources only: never send one of "
                    "these there (`is_public` is false).",
                    "Unless control is established, a tag is a `mention` and defines no cluster.",
                    "Addresses on EVM chains stand under their network (`ETH`, `BSC`, `POLYGON`).",
                    "YAML aliases are refused on reading.",
                ),
            ),
            Format(
                "ftm",
                "FollowTheMoney 4, lines of JSON",
                ".ftm.json",
                "application/json+ftm",
                "clewline.sharing.ftm",
                deltas=False,
                losses=(
                    *_losses(
                        _ALEPH_SEARCHES,
                        *("brand_codename", "abuse_label", "hosting_country", "wording", "url"),
                    ),
                    Loss("items without an address", _NO_ADDRESS),
                    Loss("withdrawn items", _NO_WITHDRAWAL),
                ),
                traps=(
                    "`cryptoAddress` is new in version 4; older installations know `publicKey` "
                    "only.",
                    "`Payment` takes legal entities and bank accounts, so transfers between "
                    "wallets are not written.",
                    "`validate` of the library accepts entities that say nothing; Clewline's own "
                    "check asks for an address.",
                    "The library drops what stands beside the properties when it merges entities: "
                    "markings do not survive that.",
                ),
            ),
        )
    }
)
"""Every format by its name."""


def format_named(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    UsageError
        If there is none of that name; lists those that there are.
    """
    if name not in FORMATS:
        raise UsageError(f"no format {name[:40]!r}", hint=f"allowed: {', '.join(FORMATS)}")
    return FORMATS[name]


def write(name: str, shared: SharedList) -> bytes:
    """Return a list as a file of a format; the same list gives the same bytes.

    Parameters
    ----------
    name : str
        Name of a format.
    shared : SharedList
        What one recipient gets. Fields that are None leave no trace in the file.

    Raises
    ------
    UsageError
        If there is no such format, or it cannot say what changed and the list is a delta.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> day = datetime(2025, 3, 1, tzinfo=UTC)
    >>> one = SharedList(version=1, made_at=day, issuer="Hotline 1 (made up)", recipient="P-000001")
    >>> read("stix", write("stix", one)) == one
    True
    """
    one = format_named(name)
    if shared.previous is not None and not one.deltas:
        raise UsageError(f"{name} stands for the whole list, not for a delta")
    data: bytes = import_module(one.module).write(shared)
    return data


def read(name: str, data: bytes) -> SharedList:
    """Read a file of a format: one of ours as it was written, one of others as far as it says.

    Parameters
    ----------
    name : str
        Name of a format.
    data : bytes
        At most 64 MiB.

    Raises
    ------
    SharedFileError
        If the file is broken, too large, or one of ours that was changed; names the place.
    UsageError
        If there is no such format.
    """
    from clewline.errors import SharedFileError

    one = format_named(name)
    try:
        shared: SharedList = import_module(one.module).read(data)
    except UsageError as error:
        raise SharedFileError(error.message, where=error.where, hint=error.hint) from None
    return shared


def after_losses(name: str, shared: SharedList) -> SharedList:
    """Return what comes back of a list that goes through a format.

    Raises
    ------
    UsageError
        If there is no such format.
    """
    one = format_named(name)
    items = shared.items
    lost: dict[str, Any] = {}
    for loss in one.losses:
        if loss.what in LOST_ITEMS:
            gone = LOST_ITEMS[loss.what]
            items = tuple(item for item in items if not gone(item))
        else:
            lost[loss.what] = None
    return replace(shared, items=tuple(replace(item, **lost) for item in items))
