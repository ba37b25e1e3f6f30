"""What the pages of the queue ask."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline.desk.accounts.fields import TeamField
from clewline.desk.accounts.models import User


class ItemForm(forms.Form):
    """Which item."""

    key = forms.CharField(max_length=40)


class ReasonForm(forms.Form):
    """Why it is urgent."""

    reason = forms.CharField(
        label=_("Why a child may be at risk now"),
        max_length=400,
        help_text=_("Neutral words: everybody who may see it reads this."),
    )


class OutcomeForm(forms.Form):
    """What came of it."""

    outcome = forms.CharField(label=_("What came of it"), max_length=400)


class ShiftForm(forms.Form):
    """Who is on call, and when."""

    team = TeamField()
    person = forms.ModelChoiceField(
        User.objects.none(), label=_("Person"), empty_label=None, to_field_name="pseudonym"
    )
    starts = forms.DateTimeField(
        label=_("From (UTC)"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    ends = forms.DateTimeField(
        label=_("Until (UTC)"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["team"].offer(user.teams.all())
        people = User.objects.filter(teams__in=user.team_ids, is_active=True).distinct()
        fields["person"].queryset = people.order_by("pseudonym")
