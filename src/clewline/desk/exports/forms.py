"""What the pages of exports ask."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline import vocab
from clewline.desk.accounts.fields import TeamField
from clewline.desk.accounts.models import User
from clewline.desk.exports.models import OPTIONS, SIGHTINGS
from clewline.desk.records.models import Brand


class AskForm(forms.Form):
    """Which records, for whom, and why."""

    what = forms.ChoiceField(
        label=_("Rows"), choices=[(OPTIONS, _("Payment options")), (SIGHTINGS, _("Sightings"))]
    )
    brand = forms.ModelChoiceField(
        Brand.objects.none(),
        label=_("Brand"),
        to_field_name="ref",  # a running number would tell how many brands others have
        required=False,
        empty_label=_("all"),
    )
    rail = forms.ChoiceField(label=_("Rail"), required=False)
    since = forms.DateField(
        label=_("Seen from (UTC)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    until = forms.DateField(
        label=_("Seen until (UTC)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    team = TeamField()
    recipient = forms.CharField(label=_("Recipient"), max_length=120)
    purpose = forms.CharField(
        label=_("Purpose"), max_length=400, help_text=_("And what allows it.")
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["brand"].queryset = Brand.objects.visible_to(user).order_by("codename")
        fields["team"].offer(user.teams.all())
        words = vocab.record_fields()["rail"].words
        fields["rail"].choices = [("", _("all")), *words.items()]

    def clean(self) -> dict[str, Any]:
        """Hold the days and the brand's team against each other."""
        asked: dict[str, Any] = super().clean() or {}
        since, until, brand = asked.get("since"), asked.get("until"), asked.get("brand")
        if since and until and since > until:
            self.add_error("until", _("The last day is before the first."))
        if brand and asked.get("team") and brand.team_id != asked["team"].pk:
            self.add_error("brand", _("This brand is of another team."))
        return asked


class DecideForm(forms.Form):
    """What a second person says."""

    reason = forms.CharField(label=_("Reason"), max_length=400, required=False)


class TraceForm(forms.Form):
    """Rows of a copy that turned up somewhere."""

    text = forms.CharField(
        label=_("Rows that turned up"),
        max_length=1_000_000,
        widget=forms.Textarea,
        help_text=_("A few are enough, in any order, with their references (R-…)."),
    )
