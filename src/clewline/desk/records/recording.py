"""The page *Record* between request and services: its forms, what the paste says, and the draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from clewline.desk.accounts.models import User
from clewline.desk.records import queries
from clewline.desk.records.drafts import IndicatorDraft, SightingDraft
from clewline.desk.records.forms import (
    AccountFormSet,
    OptionForm,
    OptionFormSet,
    SightingForm,
    changed,
)
from clewline.desk.records.models import PaymentOption, Sighting
from clewline.desk.records.proposals import AS_SHOWN, Read, Row, cut, read_paste, token_of
from clewline.desk.records.services import draft_of
from clewline.errors import DataError

_NOT_OF_DRAFT: Final = frozenset(
    {"paste", "keep_text", "without_options", "keep_indicators", "indicators", "same_site"}
)
_KEPT_ON: Final = (
    *("location_kind", "access_path", "commercial", "payment_visibility", "hosting_country"),
    *("hosting_basis", "hosting_as_of", "report_origin", "obtained", "wording_language"),
    *("tlp", "pap", "source_grade", "info_grade", "handling", "retention_class"),
)


class Recording:
    """One page that is being recorded.

    Parameters
    ----------
    user : User
        Who records.
    data : mapping, optional
        What the form sent.
    initial : dict, optional
        What the form begins with.
    rows : sequence of dict
        Options that the form begins with.
    """

    def __init__(
        self,
        user: User,
        data: Any = None,
        initial: Mapping[str, Any] | None = None,
        rows: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.user = user
        self.form = SightingForm(data, initial=dict(initial or {}))
        self.accounts = AccountFormSet(
            data, prefix="account", initial=(initial or {}).get("account_rows")
        )
        self.read: Read | None = None
        self.refusal: DataError | None = None
        if data is None:
            self.options = _formset(rows or [_BLANK])
        else:
            self.options = OptionFormSet(data, prefix="option")
            self._read(str(data.get("paste") or ""))
        self._say_what_is_known()

    def _read(self, source: str) -> None:
        """Read the paste, if there is one."""
        if not source.strip():
            return
        try:
            self.read = read_paste(source, datetime.now(UTC))
        except DataError as error:
            self.refusal = error
        if self.refusal is not None or (self.read is not None and self.read.reading.refused):
            # What was refused does not come back with the page.
            left = "" if self.refusal is not None else cut(source)
            self.form.data = changed(self.form.data, "paste", left)
            self.was_cut = True

    was_cut = False

    def propose(self, *, another: bool = False) -> None:
        """Lay out what was filled in so far and what the paste says besides.

        Parameters
        ----------
        another : bool
            Whether an empty option is asked for; there is one where there is no other.
        """
        filled = [_values(form) for form in self.options.forms if form.is_filled]
        there = {_key(fields) for fields in filled}
        new = [row for row in self.rows if _key(row.fields) not in there]
        rows: list[Mapping[str, Any]] = [*filled, *(row.fields for row in new)]
        if another or not rows:
            rows.append(_BLANK)
        self.options = _formset(rows)
        # The keyboard goes on at the first new option.
        first = self.options.forms[min(len(filled), len(rows) - 1)]
        first.fields["confirm"].widget.attrs["autofocus"] = True
        self._say_what_is_known()

    @property
    def rows(self) -> tuple[Row, ...]:
        """What the paste seems to offer."""
        return self.read.rows if self.read is not None else ()

    def _say_what_is_known(self) -> None:
        """Put beside each option why it is proposed, and what is known of its address."""
        about = {_key(row.fields): row for row in self.rows}
        forms = self.options.forms
        for form in forms:
            form.about = about.get(_key(_values(form)))
        asked = {form: _meant(form) for form in forms}
        known = queries.known(self.user, [key for key in asked.values() if key])
        for form, key in asked.items():
            form.known = known.get(key) if key else None

    @property
    def same_pages(self) -> list[Sighting]:
        """Sightings of this page that were recorded a short time ago."""
        page_hash = self.read.reading.hash if self.read else ""
        url = str(self.form["url"].value() or "")
        return queries.recent_same(self.user, url, page_hash)

    @property
    def ticked(self) -> set[str]:
        """Indicators that are ticked: all at first."""
        given = self.form["indicators"].value()
        return set(given) if given else {token_of(one) for one in self._links}

    @property
    def _links(self) -> tuple[Any, ...]:
        return self.read.links if self.read is not None else ()

    @property
    def indicators(self) -> list[dict[str, Any]]:
        """Indicators for the form: their kind and place, and whether they are ticked."""
        ticked = self.ticked
        return [
            {"one": one, "token": token_of(one), "ticked": token_of(one) in ticked}
            for one in self._links
        ]

    def is_valid(self) -> bool:
        """Tell whether it can be recorded; errors are with the fields."""
        self.form.fields["indicators"].choices = [  # type: ignore[attr-defined]
            (token_of(one), one.kind) for one in self._links
        ]
        confirmed = [form for form in self.options.forms if self._counts(form)]
        good = all([self.form.is_valid(), self.accounts.is_valid()])
        good = all([good, *(form.is_valid() for form in confirmed)])
        if self.refusal is not None:
            self.form.add_error("paste", self.refusal.message)
            return False
        if not confirmed and self.rows and not self.form.cleaned_data.get("without_options"):
            self.form.add_error(
                "without_options",
                _("No option is ticked. Tick those that are right, or save without options."),
            )
            return False
        return good

    @staticmethod
    def _counts(form: OptionForm) -> bool:
        """Tell whether an option was confirmed and says something."""
        return form.is_confirmed and form.is_filled

    def draft(self) -> SightingDraft:
        """Return what was confirmed."""
        said = {k: v for k, v in self.form.cleaned_data.items() if k not in _NOT_OF_DRAFT}
        reading = self.read.reading if self.read is not None else None
        keep_text = self.form.cleaned_data["keep_text"]
        return SightingDraft(
            **said,
            accounts=tuple(d for d in (form.draft() for form in self.accounts) if d),
            options=tuple(form.draft() for form in self.options.forms if self._counts(form)),
            indicators=self._confirmed_indicators(),
            page_hash=reading.hash if reading else "",
            read_text=reading.text if reading else "",
            page_text=reading.text if reading and keep_text else "",
        )

    def _confirmed_indicators(self) -> tuple[IndicatorDraft, ...]:
        """Return the ticked indicators, where somebody asked to keep them."""
        if not self.form.cleaned_data["keep_indicators"]:
            return ()
        ticked = set(self.form.cleaned_data["indicators"])
        return tuple(
            IndicatorDraft(
                kind=one.kind, value=one.value, place=one.place, start=one.start, end=one.end
            )
            for one in self._links
            if token_of(one) in ticked
        )


def after(sighting: Sighting) -> dict[str, Any]:
    """Return what the form for the next page of a site begins with."""
    kept = {name: getattr(sighting, name) for name in _KEPT_ON}
    brand = sighting.brand.codename if sighting.brand else ""
    return {**kept, "brand": brand, "same_site": sighting.ref}


def correction_of(sighting: Sighting) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what the form of a correction begins with: fields, and options."""
    draft = draft_of(sighting)
    fields = {
        name: getattr(draft, name) for name in SightingForm.base_fields if hasattr(draft, name)
    }
    fields["classification"] = "\n".join(
        f"{one['scheme']} | {one['version']} | {one['label']}" for one in draft.classification
    )
    fields["account_rows"] = [
        {"fact": one.fact, "says": one.says, "obtained": one.obtained} for one in draft.accounts
    ]
    fields.pop("draft")
    return fields, [option_row(option) for option in sighting.options.select_related("address")]


def option_row(option: PaymentOption) -> dict[str, Any]:
    """Return an option as the initial values of its form."""
    address = option.address
    row = {
        name: getattr(option, name)
        for name in (*OptionForm.MAIN, *OptionForm.OTHERS)
        if name != "contact"
    }
    row["uri_parameters"] = "\n".join(f"{k}={v}" for k, v in option.uri_parameters.items())
    row["contact_of"] = option.position if option.contact_sealed else None
    row["address_shown"] = option.address_shown
    if address:
        exact = f"{address.chain}|{address.network}|{address.canonical}"
        row["reading"] = AS_SHOWN if option.checksum_ok is False else exact
    return {**row, "confirm": True}


def draft_id(data: Mapping[str, Any]) -> UUID:
    """Return the one-time number of a form."""
    return UUID(str(data["draft"]))


_BLANK: Final[Mapping[str, Any]] = {"confirm": True}


def _formset(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return a set of options that begins with some rows."""
    return OptionFormSet(prefix="option", initial=[dict(row) for row in rows])


def _values(form: OptionForm) -> dict[str, Any]:
    """Return what a form of an option holds now, checked or not."""
    return {name: form[name].value() for name in form.fields} | (
        {"readings": form.initial["readings"]} if form.initial.get("readings") else {}
    )


def _key(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return by which a proposed option is known again."""
    said = ("address_shown", "contact", "credit")
    own = tuple(str(fields.get(name) or "") for name in said)
    return own if any(own) else (str(fields.get("rail") or ""), str(fields.get("processor") or ""))


def _meant(form: OptionForm) -> tuple[str, str, str] | None:
    """Return chain, network and canonical form of an option's address, if one is chosen."""
    chosen = str(form["reading"].value() or "")
    choices = [value for value, _label in form.fields["reading"].widget.choices]
    real = [value for value in choices if value and value != AS_SHOWN]
    picked = chosen if chosen in real else (real[0] if len(real) == 1 else "")
    parts = picked.split("|", 2)
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None
