"""What the pages of a case ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline.desk.accounts.fields import TeamField
from clewline.desk.accounts.models import User
from clewline.desk.cases.models import OUTCOMES, STATES, Case
from clewline.desk.cases.services import LARGEST_FILE, may_own, present_members
from clewline.desk.codenames import suggest

if TYPE_CHECKING:
    from django.db.models import QuerySet


class OwnIds(forms.Form):
    """A form that stands beside others on one page: the ids of its fields are its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"{type(self).__name__.lower()}_%s")
        super().__init__(*args, **kwargs)


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
    team = TeamField()
    sealed = forms.BooleanField(
        label=_("Sealed"),
        required=False,
        initial=True,
        help_text=_("Counted in no statistics; the audit log has its reference alone."),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team: Any = self.fields["team"]
        team.offer(user.teams.all())
        self.fields["codename"].initial = suggest(user, 1)[0]


def _choice(people: list[User]) -> QuerySet[User]:
    """Return people to choose among, in order: PostgreSQL has none of its own."""
    return User.objects.filter(pk__in=[one.pk for one in people]).order_by("pseudonym")


class MemberForm(OwnIds):
    """Somebody to be let in, and why."""

    member = forms.ModelChoiceField(User.objects.none(), label=_("Who"), to_field_name="pseudonym")
    why = forms.CharField(label=_("Reason"), max_length=400)

    def __init__(self, people: list[User], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        member: Any = self.fields["member"]
        member.queryset = _choice(people)


class RemoveForm(forms.Form):
    """Why somebody is taken out."""

    member = forms.CharField(max_length=40, widget=forms.HiddenInput)
    why = forms.CharField(label=_("Reason"), max_length=400)


class LinkForm(OwnIds):
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


class StateForm(OwnIds):
    """What becomes of a case, and why."""

    state = forms.ChoiceField(label=_("State"))
    why = forms.CharField(label=_("Reason"), max_length=400)

    def __init__(self, case: Case, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        state: Any = self.fields["state"]
        state.choices = [one for one in STATES.items() if one[0] != case.state]


class HandoverForm(OwnIds):
    """Who shall own a case, and why."""

    to = forms.ModelChoiceField(
        User.objects.none(), label=_("To"), to_field_name="pseudonym", empty_label=None
    )
    why = forms.CharField(label=_("Reason"), max_length=400)

    def __init__(self, case: Case, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        to: Any = self.fields["to"]
        to.queryset = _choice(may_own(case))


class TaskForm(OwnIds):
    """What somebody is to do."""

    text = forms.CharField(label=_("Task"), max_length=200)
    owner = forms.ModelChoiceField(
        User.objects.none(), label=_("Who"), to_field_name="pseudonym", empty_label=None
    )
    due = forms.DateField(
        label=_("Due"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, case: Case, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner: Any = self.fields["owner"]
        owner.queryset = _choice(present_members(case))


class TaskEndForm(forms.Form):
    """What became of a task."""

    outcome = forms.ChoiceField(choices=list(OUTCOMES.items()))


class FileForm(OwnIds):
    """A file that lies elsewhere, described."""

    name = forms.CharField(label=_("Name of the file"), max_length=200)
    sha256 = forms.RegexField(
        "^ *[0-9A-Fa-f]{64} *$",
        label=_("SHA-256"),
        max_length=80,
        error_messages={"invalid": _("64 hex digits.")},
    )
    size = forms.IntegerField(label=_("Size in bytes"), min_value=0, max_value=LARGEST_FILE)
    place = forms.CharField(label=_("Where it lies"), max_length=200)
    about = forms.CharField(label=_("What it is"), max_length=400, required=False)
