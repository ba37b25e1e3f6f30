"""Forms of brands, groups and judgements."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from clewline import vocab
from clewline.desk.accounts.fields import TeamField
from clewline.desk.accounts.models import User
from clewline.desk.brands.services import LONGEST_CODENAME, LONGEST_NOTE
from clewline.desk.records.models import Brand


def _note(label: Any) -> forms.CharField:
    """Return a field for why."""
    return forms.CharField(label=label, max_length=LONGEST_NOTE, required=False)


class JudgeForm(forms.Form):
    """What somebody decides of a pair; the buttons are the verdict."""

    verdict = forms.ChoiceField(
        choices=list(vocab.record_fields()["judgement"].words.items()), widget=forms.HiddenInput
    )
    after = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    note = _note(_("Note, if there is something to say"))


class CodenameForm(forms.Form):
    """A codename: two plain nouns that say nothing of the site."""

    codename = forms.CharField(label=_("Codename"), max_length=LONGEST_CODENAME)


class BrandForm(CodenameForm):
    """A new brand."""

    name = forms.CharField(
        label=_("Real name, if it is known; sealed"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    team = TeamField()
    sighting = forms.CharField(max_length=13, required=False, widget=forms.HiddenInput)

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        team: Any = self.fields["team"]
        team.offer(user.teams.all())


class GroupForm(CodenameForm):
    """A new group around a brand."""

    note = _note(_("Why it is a group"))


class AssignForm(forms.Form):
    """Which brand the page of a sighting is."""

    codename = forms.CharField(
        label=_("Brand"),
        max_length=LONGEST_CODENAME,
        widget=forms.TextInput(attrs={"list": "brands", "autocomplete": "off"}),
        help_text=_("Codename of a brand of this team"),
    )
    note = _note(_("Why"))

    def __init__(self, team_id: int, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.team_id = team_id

    def clean_codename(self) -> Brand:
        """Take the brand of that codename."""
        name = " ".join(self.cleaned_data["codename"].split())
        brand: Brand | None = Brand.objects.filter(team=self.team_id, codename__iexact=name).first()
        if brand is None:
            raise ValidationError(_("No brand of this team has that codename."))
        return brand

    def codenames(self) -> list[str]:
        """Return codenames to choose from."""
        rows = Brand.objects.filter(team=self.team_id).order_by("codename", "pk")
        return list(rows.values_list("codename", flat=True)[:200])
