"""What the pages of deconfliction ask."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline.desk.cases.models import Case
from clewline.desk.records.models import Address


class AskForm(forms.Form):
    """Which addresses of a case, and why."""

    addresses = forms.MultipleChoiceField(
        label=_("Addresses of the case"), widget=forms.CheckboxSelectMultiple({"class": "mono"})
    )
    why = forms.CharField(
        label=_("Why"),
        max_length=400,
        help_text=_("For the supervisor. Whoever holds an address does not see it."),
    )

    def __init__(self, case: Case, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        linked = case.links.filter(address__isnull=False).values("address")
        rows = Address.objects.filter(pk__in=linked).order_by("canonical", "chain", "network")
        # Not by their numbers, which would tell how many addresses the desk knows.
        self.linked = {f"{one.chain}:{one.network}:{one.canonical}": one for one in rows}
        fields["addresses"].choices = [(name, str(one)) for name, one in self.linked.items()]

    def clean_addresses(self) -> list[Address]:
        """Return the addresses that were chosen."""
        return [self.linked[name] for name in self.cleaned_data["addresses"]]


class DecideForm(forms.Form):
    """What a supervisor says."""

    reason = forms.CharField(label=_("Reason"), max_length=400, required=False)


class WordForm(forms.Form):
    """Whether to be put in contact, and how."""

    contact = forms.CharField(
        label=_("How you can be reached"),
        max_length=200,
        required=False,
        help_text=_("The other side reads it once both agree. Needed to agree."),
    )
