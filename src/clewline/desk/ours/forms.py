"""What the page of a team's own payments asks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline.desk.accounts.fields import TeamField
from clewline.desk.accounts.models import User


class MarkForm(forms.Form):
    """What is ours, what for, and what allows it."""

    what = forms.CharField(
        label=_("Payment or address"),
        max_length=200,
        help_text=_("txid:index of the output that was paid, or an address of your own."),
    )
    purpose = forms.CharField(label=_("Purpose"), max_length=400)
    authority = forms.CharField(
        label=_("Authority"), max_length=200, help_text=_("Reference of what allows it.")
    )
    team = TeamField()

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team: Any = self.fields["team"]
        team.offer(user.teams.all())


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(label=_("Reason"), max_length=400)


class AnswerForm(forms.Form):
    """What a team says of a package; a reason where it objects."""

    allows = forms.ChoiceField(choices=[("yes", _("Let it go")), ("no", _("Object"))])
    reason = forms.CharField(label=_("Reason"), max_length=400, required=False)
