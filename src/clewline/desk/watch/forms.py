"""What the pages of watches ask."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline.desk.accounts.fields import TeamField
from clewline.desk.accounts.models import User
from clewline.desk.cases.models import Case


class WatchForm(forms.Form):
    """What is watched, for what."""

    address = forms.CharField(label=_("Address"), max_length=200)
    whole_cluster = forms.BooleanField(
        label=_("Its whole cluster"),
        required=False,
        help_text=_("Addresses that seem to be of one owner: an inference, which can be wrong."),
    )
    team = TeamField()
    case = forms.ModelChoiceField(
        Case.objects.none(),
        label=_("Case"),
        to_field_name="ref",
        required=False,
        empty_label=_("none"),
    )
    why = forms.CharField(label=_("Reason"), max_length=400)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["team"].offer(user.teams.all())
        cases: Any = Case.objects.visible_to(user)
        fields["case"].queryset = cases.filter(closed_at=None).order_by("codename")
