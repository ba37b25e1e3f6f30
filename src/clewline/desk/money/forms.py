"""What the pages of a case's money ask."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline.desk import chain_store
from clewline.desk.cases.forms import OwnIds
from clewline.desk.money.answers import LARGEST
from clewline.desk.money.lists import FIELDS
from clewline.desk.money.models import REVIEWS, CaseRun
from clewline.desk.money.seeds import Seed
from clewline.desk.money.services import METHODS, MOST_HOPS

REASONS: Final = {
    "match": _("To match accounts with the case"),
    "ask": _("To ask further"),
    "report": _("For a report or a court"),
}
"""Why somebody may need what an exchange answered."""


def _day(label: Any, **options: Any) -> forms.DateField:
    """Return a field for a day."""
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}), **options)


class RunForm(forms.Form):
    """From which addresses, by which rule, how far."""

    seeds = forms.MultipleChoiceField(
        label=_("Start from"),
        widget=forms.CheckboxSelectMultiple({"class": "mono"}),
        error_messages={},
    )
    method = forms.ChoiceField(
        label=_("Rule"), choices=[(one, one.upper()) for one in METHODS], initial="fifo"
    )
    max_hops = forms.IntegerField(
        label=_("Most hops"), min_value=1, max_value=MOST_HOPS, required=False
    )
    since = _day(_("From (UTC)"), required=False)
    until = _day(_("Until (UTC)"), required=False)
    cluster = forms.BooleanField(label=_("With the clusters of the addresses"), required=False)
    leads = forms.BooleanField(
        label=_("Leads too: what else behaves like this site among those its payers paid"),
        required=False,
    )
    sets = forms.MultipleChoiceField(
        label=_("Label sets (all if none is chosen)"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def __init__(self, seeds: list[Seed], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        usable = [one for one in seeds if not one.refused]
        fields["seeds"].choices = [
            (one.address.canonical, f"{one.address.canonical} ({one.standing})") for one in usable
        ]
        fields["seeds"].initial = [one.address.canonical for one in usable]
        fields["sets"].choices = [(name, name) for name in chain_store.label_sets()]


class ReviewForm(forms.Form):
    """What somebody thinks of a row."""

    state = forms.ChoiceField(label=_("Judgement"), choices=list(REVIEWS.items()))
    why = forms.CharField(label=_("Reason"), max_length=400)


class DraftForm(forms.Form):
    """Which exchanges are asked, and why."""

    packs = forms.MultipleChoiceField(label=_("Exchanges"), widget=forms.CheckboxSelectMultiple)
    why = forms.CharField(
        label=_("Why they are asked"),
        max_length=400,
        help_text=_("Necessity and proportion; stays at the desk."),
    )

    def __init__(self, run: CaseRun, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        packs: Any = self.fields["packs"]
        free = [
            one
            for one in run.packs.order_by("exchange")
            if not one.requests.exclude(steps__step="refused").exists()
        ]
        packs.choices = [(one.slug, one.exchange) for one in free]
        packs.initial = [one.slug for one in free]


class DecideForm(OwnIds):
    """What a second person says."""

    why = forms.CharField(label=_("Reason"), max_length=400, required=False)


class SentForm(OwnIds):
    """When, how, and until when an answer is due."""

    day = _day(_("Sent on"))
    route = forms.CharField(
        label=_("Route"), max_length=120, help_text=_("Portal, letter, treaty request.")
    )
    due = _day(_("Answer due"), required=False)


class CloseForm(OwnIds):
    """Why no answer is waited for."""

    why = forms.CharField(label=_("Reason"), max_length=400)


class AnswersForm(OwnIds):
    """A filled sheet."""

    text = forms.CharField(
        label=_("The filled sheet, pasted as CSV"),
        max_length=LARGEST,
        widget=forms.Textarea(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("With its first line. Sealed as it arrives; the paste is kept nowhere."),
    )


class RevealForm(forms.Form):
    """Why answers are opened."""

    reason = forms.ChoiceField(label=_("Reason"), choices=list(REASONS.items()))


class ListForm(forms.Form):
    """A list of another tool."""

    tool = forms.CharField(label=_("Tool that made the list"), max_length=80)
    about = forms.CharField(label=_("What it is"), max_length=400, required=False)
    text = forms.CharField(
        label=_("The list, pasted as CSV"),
        max_length=LARGEST,
        widget=forms.Textarea(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("With its first line, which names the columns."),
    )


class ColumnsForm(forms.Form):
    """Which column of a list is what."""

    def __init__(self, header: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "-"), *((name, name) for name in header)]
        for field, label in FIELDS.items():
            self.fields[f"column_{field}"] = forms.ChoiceField(
                label=label, choices=choices, required=False
            )

    def chosen(self) -> dict[str, str]:
        """Return field → column."""
        return {
            name.removeprefix("column_"): column
            for name, column in self.cleaned_data.items()
            if column
        }
