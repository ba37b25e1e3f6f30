"""What the pages of keeping ask."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline import vocab
from clewline.desk.retention.models import MOST_MONTHS


class HoldForm(forms.Form):
    """On which basis a record is held, and until when."""

    prefix = "hold"

    basis = forms.CharField(
        label=_("Basis"), max_length=400, help_text=_("Order, statute or case; no names of people.")
    )
    until = forms.DateField(
        label=_("Until (UTC)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Open if left empty."),
    )


class LiftForm(forms.Form):
    """Why a hold is lifted."""

    reason = forms.CharField(label=_("Why it is lifted"), max_length=400)


class AskForm(forms.Form):
    """Why a record is to be erased."""

    prefix = "erase"

    reason = forms.ChoiceField(label=_("Reason"))
    basis = forms.CharField(
        label=_("What it rests on"),
        max_length=400,
        help_text=_("Number of the request or order; no names of people."),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["reason"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, _(title)) for name, title in vocab.erasure_reasons().items()]


class DecideForm(forms.Form):
    """What a second person says."""

    reason = forms.CharField(label=_("Reason"), max_length=400, required=False)


class PeriodForm(forms.Form):
    """Another period for a class."""

    retention_class = forms.ChoiceField(label=_("Class"))
    months = forms.IntegerField(label=_("Months"), min_value=1, max_value=MOST_MONTHS)
    reason = forms.CharField(label=_("Reason"), max_length=400)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["retention_class"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(one.id, _(one.title)) for one in vocab.retention_classes().values()]
