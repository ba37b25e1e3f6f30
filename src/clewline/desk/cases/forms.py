"""What the pages of a case ask."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline.desk.accounts.models import Team, User
from clewline.desk.cases.models import Case
from clewline.desk.codenames import suggest


class OpenForm(forms.Form):
    """A new case."""

    codename = forms.CharField(
        label=_("Codename"),
        max_length=60,
        help_text=_("Says nothing of what it stands for. This one was drawn at random."),
    )
    title = forms.CharField(
        label=_("Title"),
        max_length=200,
        required=False,
        help_text=_("Sealed; members alone see it, on the page of notes."),
    )
    legal_basis = forms.CharField(
        label=_("Legal basis"),
        max_length=200,
        help_text=_("What allows this work on these records."),
    )
    team = forms.ModelChoiceField(Team.objects.none(), label=_("Team"), empty_label=None)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = user.teams.order_by("name", "id")
        team: Any = self.fields["team"]
        team.queryset = teams
        team.initial = teams.first()
        self.fields["codename"].initial = suggest(1)[0]


class MemberForm(forms.Form):
    """Somebody to be let in, and why."""

    member = forms.ModelChoiceField(User.objects.none(), label=_("Who"), to_field_name="pseudonym")
    why = forms.CharField(label=_("Reason"), max_length=400)

    def __init__(self, people: list[User], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        member: Any = self.fields["member"]
        member.queryset = User.objects.filter(pk__in=[one.pk for one in people])


class RemoveForm(forms.Form):
    """Why somebody is taken out."""

    member = forms.CharField(max_length=40, widget=forms.HiddenInput)
    why = forms.CharField(label=_("Reason"), max_length=400)


class LinkForm(forms.Form):
    """What is added to a case, and why."""

    what = forms.CharField(
        label=_("Address, transaction, or reference of a sighting or brand"), max_length=400
    )
    why = forms.CharField(label=_("Why it belongs here"), max_length=400)


class NoteForm(forms.Form):
    """A note."""

    text = forms.CharField(
        label=_("Note"),
        max_length=20_000,
        widget=forms.Textarea,
        help_text=_("Sealed, and never changed. Wording of pages stays in their sightings."),
    )


class AddToCaseForm(forms.Form):
    """A case to which an address is added."""

    case = forms.ModelChoiceField(
        Case.objects.none(), label=_("Case"), to_field_name="ref", empty_label=None
    )
    why = forms.CharField(label=_("Why it belongs there"), max_length=400)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        case: Any = self.fields["case"]
        mine = Case.objects.visible_to(user).filter(closed_at__isnull=True)
        case.queryset = mine.order_by("codename", "id")
