"""What the page of an address asks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline import vocab
from clewline.desk.accounts.fields import TeamField
from clewline.desk.accounts.models import User


def _words(field: str) -> list[tuple[str, str]]:
    """Return the words of a record's field as choices."""
    return list(vocab.words(field).items())


class OfTeamForm(forms.Form):
    """Something that a team says; which one is asked of those in several."""

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team: Any = self.fields["team"]
        team.offer(user.teams.all())

    team = TeamField()


class AttributionForm(OfTeamForm):
    """Who holds an address."""

    label = forms.CharField(label=_("Label"), max_length=120)
    category = forms.ChoiceField(label=_("Category"), required=False)
    source = forms.CharField(label=_("Source"), max_length=120)
    confidence = forms.ChoiceField(label=_("How the source knows"))
    custody = forms.ChoiceField(label=_("Who holds the keys"))
    obtained = forms.ChoiceField(label=_("How this was obtained"))
    expires_at = forms.DateField(
        label=_("Stands until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    field_order = ("label", "category", "source", "confidence", "custody", "obtained")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        choices = {
            "category": [("", "-"), *((c.id, c.title) for c in vocab.categories().values())],
            "confidence": [
                (c.id, f"{c.level}: {c.description}") for c in vocab.confidences().values()
            ],
            "custody": _words("custody"),
            "obtained": _words("obtained"),
        }
        for name, words in choices.items():
            field: Any = self.fields[name]
            field.choices = words
        self.fields["confidence"].initial = "forensic_investigation"


class StatusForm(OfTeamForm):
    """Whether a team still stands by an address."""

    status = forms.ChoiceField(label=_("Status"))
    reason = forms.CharField(label=_("Reason"), max_length=400)
    field_order = ("status", "reason")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        status: Any = self.fields["status"]
        status.choices = _words("address_status")
        status.initial = "disputed"
