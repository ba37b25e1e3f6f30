"""What the pages of imports ask."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline.desk.accounts.fields import TeamField
from clewline.desk.accounts.models import User
from clewline.desk.bulk import reading, services
from clewline.desk.bulk.models import Import
from clewline.desk.records.forms import word


class TextForm(forms.Form):
    """A pasted text."""

    text = forms.CharField(
        label=_("Rows"),
        max_length=services.LARGEST_PART,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Text alone, up to 2,000,000 characters; more by the API or the command line."),
    )


class BeginForm(TextForm):
    """A new import, with its first text."""

    name = forms.CharField(label=_("What is imported"), max_length=80)
    form = forms.ChoiceField(label=_("Form"), choices=list(reading.FORMS.items()))
    team = TeamField()
    report_origin = word("report_origin", label=_("Origin, where a row does not say"))
    tlp = word("tlp", initial="amber", label=_("TLP, where a row does not say"))
    field_order = ("name", "form", "team", "report_origin", "tlp", "text")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["team"].offer(user.teams.all())

    def constants(self) -> dict[str, str]:
        """Return what holds where a row says nothing."""
        return {name: self.cleaned_data[name] for name in ("report_origin", "tlp")}


class ColumnsForm(forms.Form):
    """Which field each column is of."""

    def __init__(self, job: Import, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "column_%s")
        super().__init__(*args, **kwargs)
        numbered = [f"{name}_{n}" for n in range(2, 10) for name in reading.OF_OPTION]
        names = (*reading.OF_SIGHTING, *reading.OF_OPTION, *numbered)
        choices = [("", _("not read")), *((name, name) for name in names)]
        for place, column in enumerate(job.columns):
            self.fields[f"c{place}"] = forms.ChoiceField(
                label=column, choices=choices, required=False, initial=job.mapping.get(column)
            )
        self._columns = job.columns

    def mapping(self) -> dict[str, str]:
        """Return column → field."""
        return {name: self.cleaned_data[f"c{place}"] for place, name in enumerate(self._columns)}


class UndoForm(forms.Form):
    """Why an import is taken back."""

    reason = forms.CharField(label=_("Reason"), max_length=300)
