"""Read rows of CSV or JSON lines into drafts. Nothing here knows the database."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from clewline.desk.records.drafts import OptionDraft, SightingDraft
from clewline.errors import DataError, UsageError

CSV: Final = "csv"
LINES: Final = "jsonl"
FORMS: Final = {
    CSV: "CSV, a heading and then a row a sighting",
    LINES: "JSON lines, an object each",
}
LONGEST_ROW: Final = 250_000
"""Characters of one row."""
MOST_COLUMNS: Final = 200

OF_SIGHTING: Final = (
    *("observed_at", "observed_precision", "brand", "url", "location_kind", "hosting_country"),
    *("hosting_basis", "hosting_as_of", "access_path", "commercial", "payment_visibility"),
    *("age_band", "report_ref", "report_origin", "obtained", "protected_source"),
    *("neutral_summary", "wording", "wording_language", "page_hash", "source_grade"),
    *("info_grade", "handling", "tlp", "pap", "retention_class"),
)
"""Fields of a sighting that a row may have."""
OF_OPTION: Final = (
    *("rail", "processor", "asset", "network", "token_contract", "amount_min", "amount_max"),
    *("price_currency", "payment_currency", "period", "tier", "address", "address_shown"),
    *("chain", "network_of_address", "as_shown", "form", "memo", "invoice_expires_at", "credit"),
    *("contact_kind", "contact"),
)
"""Fields of a payment option; in CSV the second and further ones have ``_2`` to ``_9`` behind."""
_NUMBERED: Final = re.compile(r"([a-z_]+?)_([2-9])")
_YES_NO: Final = {
    **dict.fromkeys(("", "no", "false", "0"), False),
    **dict.fromkeys(("yes", "true", "1"), True),
}
_SEPARATORS: Final = ",;\t"


@dataclass(frozen=True)
class RawRow:
    """A row as it stood in the text: from which line on, and its characters."""

    line: int
    text: str


def is_field(name: str) -> bool:
    """Tell whether a column may be called so.

    Examples
    --------
    >>> is_field("address"), is_field("address_2"), is_field("url_2")
    (True, True, False)
    """
    numbered = _NUMBERED.fullmatch(name)
    return name in (*OF_SIGHTING, *OF_OPTION) or bool(numbered and numbered[1] in OF_OPTION)


def columns_of(heading: str) -> list[str]:
    """Return the columns that the first row of a CSV text names.

    Raises
    ------
    DataError
        If there are none, too many, or two of one name.
    """
    found = [name.strip().removeprefix("\ufeff") for name in _cells(heading, separator(heading))]
    if not any(found) or len(found) > MOST_COLUMNS:
        raise DataError(f"1 to {MOST_COLUMNS} columns with names", where="heading")
    if twice := {name for name in found if found.count(name) > 1}:
        raise DataError(f"column twice: {sorted(twice)[0][:60]!r}", where="heading")
    return found


def separator(heading: str) -> str:
    """Return what parts the columns: comma, semicolon or tab, whichever the heading has most."""
    return max(_SEPARATORS, key=lambda one: (heading.count(one), -_SEPARATORS.index(one)))


def rows_of(form: str, text: str, parted_by: str = ",") -> list[RawRow]:
    """Cut a text into rows, empty ones left out; a CSV row may go over several lines.

    Raises
    ------
    DataError
        If the last row of a CSV text has an open quotation mark.
    """
    lines = lines_of(text)
    if form == LINES:
        return [RawRow(n, line) for n, line in enumerate(lines, 1) if line.strip()]
    reader = csv.reader(lines, delimiter=parted_by, strict=True)
    found, start = [], 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append(RawRow(start + 1, "".join(lines[start : reader.line_num])))
            start = reader.line_num
    except csv.Error as error:
        raise DataError(
            f"is no CSV: {error}", where=f"line {start + 1}", hint="end it at the end of a row"
        ) from None
    return found


def lines_of(text: str) -> list[str]:
    """Return the lines of a text with their ends; CR, LF and both end one, and nothing else."""
    return list(io.StringIO(text, newline=""))


def values_of(form: str, row: str, columns: Sequence[str], parted_by: str) -> dict[str, Any]:
    """Return a row as column → value.

    Raises
    ------
    DataError
        If it has more cells than columns, or is no JSON object.
    """
    if len(row) > LONGEST_ROW:
        raise DataError(f"{len(row):,} characters; at most {LONGEST_ROW:,}")
    if form == LINES:
        try:
            found = json.loads(row)
        except (ValueError, RecursionError):
            raise DataError("is no JSON") from None
        if not isinstance(found, dict):
            raise DataError("is no JSON object")
        return found
    cells = _cells(row, parted_by)
    if len(cells) > len(columns):
        raise DataError(f"{len(cells)} cells, {len(columns)} columns")
    return dict(zip(columns, cells, strict=False))


def draft_from(values: Mapping[str, Any], constants: Mapping[str, str]) -> SightingDraft:
    """Return the draft that a row says, by the names of its fields.

    Parameters
    ----------
    values : mapping
        Field → value; ``options`` may be a list of mappings.
    constants : mapping of str to str
        What holds where a row says nothing.

    Raises
    ------
    UsageError
        If a field is unknown, or its value is no text, time or yes and no.
    """
    said = {**constants, **{name: one for name, one in values.items() if one not in (None, "")}}
    listed = said.pop("options", [])
    own = {_place(name) for name, one in values.items() if one not in (None, "")}
    options: dict[int, dict[str, Any]] = {}
    fields: dict[str, Any] = {}
    for name, value in said.items():
        numbered = _NUMBERED.fullmatch(name)
        if name in OF_SIGHTING:
            fields[name] = _value(name, value)
        elif name in OF_OPTION:
            options.setdefault(1, {})[name] = _value(name, value)
        elif numbered and numbered[1] in OF_OPTION:
            options.setdefault(int(numbered[2]), {})[numbered[1]] = _value(numbered[1], value)
        else:
            raise UsageError("is no field of a record", where=name[:60])
    if not isinstance(listed, list):
        raise UsageError("is no list", where="options")
    if "observed_at" not in fields:
        raise UsageError("is needed: when the page was seen", where="observed_at")
    # A constant alone makes no option.
    drafts = [OptionDraft(**options[place]) for place in sorted(options) if place in own]
    drafts += [_listed(place, one) for place, one in enumerate(listed, 1)]
    return SightingDraft(options=tuple(drafts), read_text=fields.get("wording", ""), **fields)


def _listed(place: int, one: Any) -> OptionDraft:
    """Return an option of a list."""
    if not isinstance(one, dict):
        raise UsageError("is no object", where=f"option {place}")
    for name in one:
        if name not in OF_OPTION:
            raise UsageError("is no field of an option", where=f"option {place}: {name[:60]}")
    said = {name: _value(name, value) for name, value in one.items() if value is not None}
    return OptionDraft(**said)


def _place(name: str) -> int:
    """Return which option a field is of; 0 for a field of the sighting."""
    numbered = _NUMBERED.fullmatch(name)
    return 1 if name in OF_OPTION else int(numbered[2]) if numbered else 0


def _value(name: str, value: Any) -> Any:
    """Return the value of a field in its type."""
    if isinstance(value, bool) and name == "as_shown":
        return value
    if isinstance(value, bool | list | dict) or not isinstance(value, str | int | float):
        raise UsageError("is no text", where=name)
    text = str(value).strip() if name != "wording" else str(value)
    if name in ("observed_at", "invoice_expires_at"):
        return _moment(name, text)
    if name == "hosting_as_of":
        return _day(name, text)
    if name == "as_shown":
        if text.casefold() not in _YES_NO:
            raise UsageError("yes or no", where=name)
        return _YES_NO[text.casefold()]
    return text


def _moment(name: str, text: str) -> datetime:
    """Read a time; without an offset it is UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError("a time such as 2026-03-02 10:30, in UTC", where=name) from None


def _day(name: str, text: str) -> date:
    """Read a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("a day such as 2026-03-02", where=name) from None


def _cells(row: str, parted_by: str) -> list[str]:
    """Return the cells of one CSV row."""
    try:
        return next(csv.reader(io.StringIO(row, newline=""), delimiter=parted_by, strict=True), [])
    except csv.Error as error:
        raise DataError(f"is no CSV: {error}") from None
