"""What the pages of real names ask."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline.desk.accounts.models import User
from clewline.desk.names.services import LONGEST_DAYS
from clewline.desk.welfare.services import REASONS


class OpenForm(forms.Form):
    """Why somebody opens a name."""

    reason = forms.ChoiceField(label=_("Why"), choices=[("", _("Choose why")), *REASONS.items()])
    go_on = forms.BooleanField(
        label=_("I go on beyond what protects me well today"), required=False
    )


class ReleaseForm(forms.Form):
    """To whom a name is released."""

    to = forms.ChoiceField(label=_("To"))
    why = forms.CharField(label=_("Reason"), max_length=400)
    days = forms.IntegerField(label=_("Days"), min_value=1, max_value=LONGEST_DAYS, initial=7)

    def __init__(self, people: list[User], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["to"].choices = [(one.pseudonym, one.pseudonym) for one in people]
