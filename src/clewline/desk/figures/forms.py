"""What the pages of figures ask."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clewline.desk.accounts.fields import TeamField
from clewline.desk.accounts.models import Team, User


class ScopeForm(forms.Form):
    """Which year, of which of one's teams."""

    year = forms.TypedChoiceField(label=_("Year"), coerce=int)
    team = TeamField(required=False, empty_label=_("all of mine"))

    def __init__(self, user: User, years: list[int], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        mine = list(user.teams.order_by("name", "id"))
        self.teams = mine
        fields["team"].offer(user.teams.all())
        fields["year"].choices = [(year, year) for year in years or [timezone.now().year]]
        if len(mine) < 2:
            del self.fields["team"]

    def chosen(self) -> tuple[list[Team], int]:
        """Return teams and year: what was asked, else all teams and the last year."""
        fields: Any = self.fields
        asked = self.cleaned_data if self.is_valid() else {}
        team = asked.get("team")
        year = asked.get("year") or int(fields["year"].choices[0][0])
        return [team] if team else self.teams, year


class PublishForm(forms.Form):
    """What is said of figures that are published."""

    note = forms.CharField(label=_("Note"), max_length=400, required=False)
