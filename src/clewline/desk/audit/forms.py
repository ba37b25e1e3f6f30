"""By what an auditor narrows the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from clewline.desk.audit.models import Event


class LogFilter(forms.Form):
    """Fields by which events are found; all may stay empty."""

    actor = forms.CharField(label=_("Who"), max_length=40, required=False)
    action = forms.CharField(label=_("Did what"), max_length=40, required=False)
    object = forms.CharField(label=_("To what"), max_length=120, required=False)
    day = forms.DateField(
        label=_("Day (UTC)"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    result = forms.ChoiceField(
        label=_("Result"),
        required=False,
        choices=[
            ("", _("any")),
            *((word, word) for word in ("done", "refused", "forbidden", "not found")),
        ],
    )

    def events(self) -> QuerySet[Event]:
        """Return what the fields ask for; nothing where one of them is wrong."""
        if not self.is_valid():
            return Event.objects.none()
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        if day := asked.pop("day", None):
            start = datetime(day.year, day.month, day.day, tzinfo=UTC)
            asked |= {"at__gte": start, "at__lt": start + timedelta(days=1)}
        return Event.objects.filter(**asked)
