"""Forms of welfare."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline.desk.welfare.models import Protection
from clewline.desk.welfare.services import REASONS, REVEALED


class RevealForm(forms.Form):
    """What a reveal asks."""

    field = forms.ChoiceField(choices=list(REVEALED.items()), widget=forms.HiddenInput)
    reason = forms.ChoiceField(label=_("Why"), choices=[("", _("Choose why")), *REASONS.items()])
    whole = forms.BooleanField(required=False, widget=forms.HiddenInput)
    go_on = forms.BooleanField(
        label=_("I go on beyond what protects me well today"), required=False
    )


class ProtectionForm(forms.ModelForm):
    """How much protection somebody wants."""

    class Meta:
        model = Protection
        fields: ClassVar = [
            "reveals_per_day",
            "minutes_per_day",
            "seconds_open",
            "summaries_masked",
            "beginning_first",
        ]
        labels: ClassVar = {
            "reveals_per_day": _("Reveals a day before the desk asks for a break"),
            "minutes_per_day": _("Minutes of open text a day, likewise"),
            "seconds_open": _("Seconds that a text stays open"),
            "summaries_masked": _("Mask neutral summaries too"),
            "beginning_first": _("Show only the beginning of a text at first"),
        }
