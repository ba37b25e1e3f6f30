"""The field of a form in which one chooses a team."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline.desk.accounts.models import Team

if TYPE_CHECKING:
    from django.db.models import QuerySet

    TeamChoice = forms.ModelChoiceField[Team]
else:
    TeamChoice = forms.ModelChoiceField


class TeamField(TeamChoice):
    """A team, by its name, as the API has it: a running number would tell how many there are."""

    def __init__(self, **options: Any) -> None:
        settled: dict[str, Any] = {"label": _("Team"), "to_field_name": "name", "empty_label": None}
        super().__init__(Team.objects.none(), **(settled | options))

    def offer(self, teams: QuerySet[Team]) -> None:
        """Let some teams be chosen: the first of them, unless the field may stay empty."""
        self.queryset = teams.order_by("name", "id")
        if self.empty_label is None:
            self.initial = self.queryset.first()
