"""The forms of a sighting. Text alone: no form of the desk has a field for a file."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django import forms
from django.forms import formset_factory
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clewline import vocab
from clewline.desk.records import services
from clewline.desk.records.drafts import AccountDraft, OptionDraft
from clewline.desk.records.models import Brand, PaymentOption
from clewline.desk.records.plain_text import require_text
from clewline.desk.records.proposals import AS_SHOWN, choices_of
from clewline.errors import DataError, UsageError
from clewline.intake.page_text import LARGEST

NONE: Final = "\N{EN DASH}"
"""What stands for no choice."""
_TIME: Final = "%Y-%m-%d %H:%M"


def word(field: str, **options: Any) -> forms.ChoiceField:
    """Return a form's field for a closed list of words; empty is a choice unless it has a start."""
    known = vocab.record_fields()[field]
    choices = list(known.words.items())
    if "initial" not in options:
        choices.insert(0, ("", NONE))
    settled = {"label": known.title, "choices": choices, "required": "initial" in options}
    return forms.ChoiceField(**{**settled, **options})


def line(label: Any, most: int, **options: Any) -> forms.CharField:
    """Return a form's field for one line of text."""
    attrs = {"autocomplete": "off", **options.pop("attrs", {})}
    settled = {"label": label, "max_length": most, "required": False}
    return forms.CharField(widget=forms.TextInput(attrs=attrs), **{**settled, **options})


def lines(label: Any, most: int, rows: int, **options: Any) -> forms.CharField:
    """Return a form's field for several lines of text."""
    area = forms.Textarea(attrs={"rows": rows, "autocomplete": "off"})
    return forms.CharField(label=label, max_length=most, required=False, widget=area, **options)


def moment(label: Any, **options: Any) -> forms.DateTimeField:
    """Return a form's field for a time in UTC."""
    return forms.DateTimeField(
        label=label,
        input_formats=[_TIME, "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"],
        widget=forms.DateTimeInput(format=_TIME, attrs={"autocomplete": "off"}),
        **options,
    )


def changed(data: Any, name: str, text: str) -> Any:
    """Return what a form sent, with one text changed."""
    copy = data.copy()
    copy[name] = text
    return copy


class PlainForm(forms.Form):
    """A form whose texts are held against media; `read_alone` are those that are read, not kept."""

    read_alone: frozenset[str] = frozenset()

    def clean(self) -> dict[str, Any]:
        """Refuse media in any text, in words and with its size."""
        cleaned = super().clean() or self.cleaned_data
        for name, value in list(cleaned.items()):
            if isinstance(value, str) and name not in self.read_alone:
                try:
                    require_text(value, str(self.fields[name].label or name))
                except DataError as error:
                    self.add_error(name, error.message)
                    self._forget(name)
        return cleaned

    def _forget(self, name: str) -> None:
        """Empty a field, so that the page that refuses its text does not hold it."""
        self.data = changed(self.data, self.add_prefix(name), "")


class SightingForm(PlainForm):
    """What one page said, but for its options."""

    read_alone = frozenset({"paste"})
    GROUPS: Final = (
        (
            *("k", _("Kind of site and access")),
            ("location_kind", "access_path", "commercial", "payment_visibility"),
        ),
        ("h", _("Hosting"), ("hosting_country", "hosting_basis", "hosting_as_of")),
        ("w", _("Wording"), ("wording", "wording_language")),
        (
            *("o", _("Report and source")),
            ("report_ref", "report_origin", "obtained", "protected_source"),
        ),
        ("c", _("Classification"), ("classification", "age_band")),
        (
            *("g", _("Grading, handling, retention")),
            ("tlp", "pap", "source_grade", "info_grade", "handling", "retention_class"),
        ),
    )

    draft = forms.UUIDField(widget=forms.HiddenInput)
    same_site = forms.CharField(widget=forms.HiddenInput, required=False, max_length=13)
    paste = lines(
        _("Page text or HTML source"),
        LARGEST,
        7,
        help_text=_("Text alone. Nothing of it is kept that you do not confirm."),
    )
    keep_text = forms.BooleanField(label=_("Keep the page text, sealed"), required=False)
    without_options = forms.BooleanField(label=_("Save without options"), required=False)
    keep_indicators = forms.BooleanField(
        label=_("Keep the ticked indicators, sealed"), required=False
    )
    indicators = forms.MultipleChoiceField(
        required=False,
        choices=(),
        error_messages={"invalid_choice": _("The paste changed since it was read: read it again.")},
    )
    url = line(
        _("Site address"),
        2000,
        attrs={"autofocus": True, "spellcheck": "false"},
        help_text=_("Sealed; shown as a fingerprint only."),
    )
    brand = line(_("Brand (codename)"), 60, attrs={"list": "brands"})
    observed_at = moment(_("Seen at (UTC)"))
    observed_precision = word("precision", initial="minute", label=_("Exact"))
    neutral_summary = line(
        _("Neutral summary"), 400, help_text=_("For colleagues: no names, no explicit words.")
    )
    location_kind = word("location_kind")
    access_path = word("access_path")
    commercial = word("commercial")
    payment_visibility = word("payment_visibility")
    hosting_country = line(_("Hosting country"), 2, help_text=_("Two letters: NL"))
    hosting_basis = word("hosting_basis")
    hosting_as_of = forms.DateField(
        label=_("As of"),
        required=False,
        widget=forms.DateInput(attrs={"placeholder": "YYYY-MM-DD"}),
    )
    wording = lines(_("Wording, sealed"), 20_000, 4)
    wording_language = line(_("Language"), 12, help_text=_("A code such as en or pt-BR"))
    report_ref = line(_("Reference in the report system"), 80)
    report_origin = word("report_origin")
    obtained = word("obtained", initial="seen")
    protected_source = lines(_("Protected source, sealed"), 2000, 2)
    classification = lines(
        _("Classification"), 2000, 2, help_text=_("One a line: scheme | version | label")
    )
    age_band = word("age_band")
    tlp = word("tlp", initial="amber")
    pap = word("pap", initial="amber")
    source_grade = word("source_grade")
    info_grade = word("info_grade")
    handling = word("handling")
    retention_class = word("retention_class", initial="report")

    def __init__(self, data: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial={**_fresh(), **(initial or {})})

    def clean_hosting_country(self) -> str:
        """Take a country in capitals."""
        country: str = self.cleaned_data["hosting_country"].upper()
        if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
            raise forms.ValidationError(_("Two letters, as in ISO 3166: NL"))
        return country

    def clean_observed_at(self) -> datetime:
        """Refuse what lies in the future."""
        seen: datetime = self.cleaned_data["observed_at"]
        if seen > timezone.now() + timedelta(minutes=10):
            raise forms.ValidationError(_("This lies in the future; times are UTC."))
        return seen

    def clean_classification(self) -> tuple[dict[str, str], ...]:
        """Read scheme, version and label of each line."""
        found = []
        for text in self.cleaned_data["classification"].splitlines():
            if text.strip():
                parts = [part.strip() for part in text.split("|")]
                if len(parts) != 3 or not all(parts):
                    raise forms.ValidationError(_("One a line: scheme | version | label"))
                found.append(dict(zip(("scheme", "version", "label"), parts, strict=True)))
        return tuple(found)

    def groups(self) -> list[dict[str, Any]]:
        """Return the groups of rare fields, each with a summary of what is set in it."""
        return [
            {
                "key": key,
                "title": title,
                "fields": [self[name] for name in names],
                "summary": ", ".join(filter(None, (_shown(self[name]) for name in names))),
                "open": any(self[name].errors for name in names),
            }
            for key, title, names in self.GROUPS
        ]


class OptionForm(PlainForm):
    """One way to pay, to be confirmed."""

    MAIN: Final = (
        *("rail", "asset", "amount_min", "amount_max", "price_currency", "period", "tier"),
    )
    OTHERS: Final = (
        *("processor", "network", "token_contract", "payment_currency", "memo", "form"),
        *("invoice_expires_at", "uri_parameters", "credit", "obtained", "contact_kind", "contact"),
    )

    confirm = forms.BooleanField(label=_("Right"), required=False)
    contact_of = forms.IntegerField(
        required=False, widget=forms.HiddenInput, min_value=0, max_value=100
    )
    address_shown = line(
        _("Address, as on the page"), 400, attrs={"class": "mono", "spellcheck": "false"}
    )
    reading = forms.CharField(label=_("It is"), required=False, max_length=300, widget=forms.Select)
    rail = word("rail", initial="crypto")
    asset = line(_("Asset"), 20)
    amount_min = line(_("Price from"), 40, attrs={"inputmode": "decimal"})
    amount_max = line(_("to"), 40, attrs={"inputmode": "decimal"})
    price_currency = line(_("Price in"), 12)
    period = word("period")
    tier = line(_("Tier"), 60)
    processor = line(_("Brand or processor"), 60)
    network = line(_("Network"), 30)
    token_contract = line(_("Token contract"), 100)
    payment_currency = line(_("To be paid in"), 12)
    memo = line(_("Memo, tag or payment id"), 120)
    form = word("form", initial="text")
    invoice_expires_at = moment(_("Invoice expires (UTC)"), required=False)
    uri_parameters = lines(
        _("Parameters of the URI"), 4000, 2, help_text=_("One a line: name=value")
    )
    credit = word("credit")
    obtained = word("obtained", initial="seen")
    contact_kind = word("contact_kind")
    contact = line(_("Contact, sealed"), 1200)

    def __init__(self, *args: Any, about: Any = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.about = about
        self.known: Any = None
        self.offer_readings()

    def offer_readings(self) -> None:
        """Offer what the address may be, slips included, as far as they were proposed."""
        address = str(self["address_shown"].value() or "").strip()
        choices = list(self.initial.get("readings") or choices_of(address))
        given = str(self["reading"].value() or "")
        canonical = given.rpartition("|")[2]
        if given and given != AS_SHOWN and given not in dict(choices):
            choices += [one for one in choices_of(canonical, meant=True) if one[0] == given]
        if address and not choices_of(address):
            choices.append((AS_SHOWN, str(_("as shown; its checksum is wrong"))))
        self.fields["reading"].widget.choices = [("", NONE), *choices]

    @property
    def is_filled(self) -> bool:
        """Whether anything that says how to pay is in it."""
        said = ("address_shown", "asset", "amount_min", "tier", "processor", "contact", "credit")
        return any(self[name].value() for name in said)

    @property
    def names(self) -> tuple[str, ...]:
        """Fields that are always shown: what such an option is about."""
        if self["contact"].value():
            return ("contact_kind", "contact", "form", "rail")
        if self["credit"].value() and not self.has_address:
            return ("credit", "rail", "amount_min", "price_currency")
        if not self.has_address:
            return (
                "rail",
                "processor",
                "amount_min",
                "amount_max",
                "price_currency",
                "period",
                "tier",
            )
        return self.MAIN

    @property
    def has_address(self) -> bool:
        """Whether its address is asked for: of coins, and where one was filled in."""
        other = self["contact"].value() or self["rail"].value() not in ("crypto", "", None)
        return bool(self["address_shown"].value()) or not other

    @property
    def main(self) -> list[Any]:
        """Fields that are always shown."""
        return [self[name] for name in self.names]

    @property
    def rare(self) -> list[Any]:
        """Fields that are folded away."""
        folded = [name for name in (*self.MAIN, *self.OTHERS) if name not in self.names]
        return [self[name] for name in (*self._of_address, *folded)]

    @property
    def _of_address(self) -> tuple[str, ...]:
        """The fields of an address, where they are folded away."""
        return () if self.has_address else ("address_shown", "reading")

    @property
    def summary(self) -> str:
        """What is set of the fields that are folded away."""
        return ", ".join(filter(None, (_shown(field) for field in self.rare)))

    @property
    def is_confirmed(self) -> bool:
        """Whether a person ticked it."""
        return bool(self["confirm"].value())

    def clean(self) -> dict[str, Any]:
        """Read the address, and say what it lacks."""
        cleaned = super().clean()
        if not self.errors:
            try:
                services.meaning_of(self.draft())
            except UsageError as error:
                text = f"{error.message}: {error.hint}" if error.hint else error.message
                self.add_error("address_shown", text)
        return cleaned

    def clean_uri_parameters(self) -> dict[str, str]:
        """Read names and values."""
        pairs = {}
        for text in self.cleaned_data["uri_parameters"].splitlines():
            if text.strip():
                name, equals, value = text.partition("=")
                if not equals or len(name) > 60:
                    raise forms.ValidationError(_("One a line: name=value"))
                pairs[name.strip()] = value.strip()
        return pairs

    def draft(self) -> OptionDraft:
        """Return what was confirmed."""
        said = dict(self.cleaned_data)
        said.pop("confirm")
        reading, shown = said.pop("reading"), said.pop("address_shown")
        if reading and reading != AS_SHOWN:
            parts = reading.split("|", 2)
            if len(parts) == 3:
                said["chain"], said["network_of_address"], said["address"] = parts
        said.setdefault("address", shown)
        for name in ("asset", "price_currency", "payment_currency"):
            said[name] = said[name].upper()
        return OptionDraft(address_shown=shown, as_shown=reading == AS_SHOWN, **said)


class AccountForm(PlainForm):
    """What somebody says of a fact, beside what others say."""

    fact = word("account_fact")
    says = line(_("Says"), 200, help_text=_("Neutral words, no names."))
    obtained = word("obtained", initial="reported")

    def draft(self) -> AccountDraft | None:
        """Return what was filled in."""
        said = self.cleaned_data
        return AccountDraft(**said) if said.get("fact") and said.get("says") else None


class ReasonForm(PlainForm):
    """Why a sighting is corrected or withdrawn."""

    reason = forms.CharField(label=_("Reason"), max_length=400)


class RefreshForm(PlainForm):
    """The next refresh of a page: when, and what was pasted."""

    read_alone = frozenset({"paste"})

    draft = forms.UUIDField(widget=forms.HiddenInput)
    paste = lines(
        _("Page text or HTML source"), LARGEST, 4, help_text=_("Read for new addresses, then gone.")
    )
    observed_at = moment(_("Seen at (UTC)"))

    clean_observed_at = SightingForm.clean_observed_at

    def __init__(self, data: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial={**_fresh(), **(initial or {})})


class RefreshedOptionForm(PlainForm):
    """The address that an option shows now."""

    address = line(_("Address now"), 400, attrs={"class": "mono", "spellcheck": "false"})

    def __init__(self, *args: Any, option: PaymentOption, **options: Any) -> None:
        super().__init__(*args, **options)
        self.option = option


class FilterForm(forms.Form):
    """Which sightings are listed."""

    brand = forms.CharField(
        label=_("Brand"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"list": "brands"}),
    )
    rail = word("rail")
    asset = line(_("Asset"), 20)
    day = forms.DateField(
        label=_("Seen on (UTC)"),
        required=False,
        widget=forms.DateInput(attrs={"placeholder": "YYYY-MM-DD"}),
    )
    before = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)


OptionFormSet = formset_factory(OptionForm, extra=0, max_num=60, absolute_max=60)
AccountFormSet = formset_factory(AccountForm, extra=2, max_num=10, absolute_max=10)


def brand_names(team_ids: list[int]) -> list[str]:
    """Return the codenames that a brand field offers: the latest of one's own teams."""
    brands = Brand.objects.filter(team__in=team_ids).order_by("-id")
    return list(brands.values_list("codename", flat=True)[:200])


def _fresh() -> dict[str, Any]:
    """Return what a new form begins with: a number of its own, and this minute."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return {"draft": uuid.uuid4(), "observed_at": now}


def _shown(field: Any) -> str:
    """Return what a field is set to, for a summary; of sealed and long ones only that it is set."""
    value = field.value()
    if not value:
        return ""
    if isinstance(field.field, forms.ChoiceField):
        words: dict[str, Any] = dict(field.field.choices)  # type: ignore[arg-type]
        return (
            ""
            if value == field.field.initial and field.name in _USUAL
            else str(words.get(value, ""))
        )
    return str(field.label)


_USUAL: Final = frozenset({"rail", "obtained", "form", "retention_class"})


class StateForm(forms.Form):
    """What became of a page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "state_%s")
        super().__init__(*args, **kwargs)
        self.fields["state"] = word("page_state", required=True, initial="reported_host")
        self.fields["at"] = moment(_("When (UTC)"), initial=timezone.now)
        self.fields["reference"] = line(_("Their reference"), 80)
