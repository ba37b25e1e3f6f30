"""The form of a page's next refresh: the same options, and which address each shows now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from clewline.desk.records.drafts import OptionDraft
from clewline.desk.records.forms import RefreshedOptionForm, RefreshForm, changed
from clewline.desk.records.models import Sighting
from clewline.desk.records.proposals import new_addresses, read_paste
from clewline.desk.records.services import meaning_of, option_draft_of
from clewline.errors import DataError, UsageError


class Refreshing:
    """A refresh that is being recorded.

    Parameters
    ----------
    sighting : Sighting
        The page as it was recorded last.
    data : mapping, optional
        What the form sent.
    """

    def __init__(self, sighting: Sighting, data: Any = None) -> None:
        self.before = list(sighting.options.select_related("address"))
        self.form = RefreshForm(data)
        self.rows = [
            RefreshedOptionForm(data, prefix=f"option-{option.position}", option=option)
            for option in self.before
        ]
        self.proposed: list[str] = []
        self.left_over: list[str] = []
        self.refusal: DataError | None = None
        self.hash = ""
        self.read_text = ""
        source = str(self.form["paste"].value() or "") if data is not None else ""
        if source.strip():
            self._read(source)

    def _read(self, source: str) -> None:
        """Read the paste."""
        try:
            reading = read_paste(source, datetime.now(UTC)).reading
        except DataError as error:
            self.refusal = error
            self.form.data = changed(self.form.data, "paste", "")
            return
        self.hash, self.read_text = reading.hash, reading.text
        of = [
            (o.address.chain, o.address.canonical) if o.address else ("", "") for o in self.before
        ]
        self.proposed, self.left_over = new_addresses(reading, of)

    def propose(self) -> None:
        """Put the addresses that were read where none was typed."""
        for place, row in enumerate(self.rows):
            typed = str(row["address"].value() or "")
            new = self.proposed[place] if place < len(self.proposed) else ""
            self.rows[place] = RefreshedOptionForm(
                prefix=row.prefix, option=row.option, initial={"address": typed or new}
            )

    def is_valid(self) -> bool:
        """Tell whether it can be recorded; errors are with the fields."""
        good = all([self.form.is_valid(), *(row.is_valid() for row in self.rows)])
        if self.refusal is not None:
            self.form.add_error("paste", self.refusal.message)
            return False
        for row in self.rows if good else ():
            try:
                meaning_of(self._option(row))
            except UsageError as error:
                row.add_error("address", error.message)
                good = False
        return good

    def options(self) -> list[OptionDraft]:
        """Return the options with the addresses that they show now."""
        return [self._option(row) for row in self.rows]

    def changes(self) -> dict[str, Any]:
        """Return what else differs from the sighting before."""
        said = self.form.cleaned_data
        return {
            "observed_at": said["observed_at"],
            "draft": said["draft"],
            "page_hash": self.hash,
            "read_text": self.read_text,
        }

    @staticmethod
    def _option(row: RefreshedOptionForm) -> OptionDraft:
        """Return an option with its address now; empty leaves the address as it was."""
        draft = option_draft_of(row.option)
        address = row.cleaned_data["address"]
        if not address:
            return draft
        return replace(
            draft, address=address, address_shown=address, network_of_address="", as_shown=False
        )
