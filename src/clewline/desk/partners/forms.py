"""What the pages of partners ask."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from clewline import vocab
from clewline.desk.accounts.fields import TeamField
from clewline.desk.accounts.models import Team, User


def choices(field: str) -> list[tuple[str, Any]]:
    """Return the words of a field as choices."""
    return [(word, _(title)) for word, title in vocab.words(field).items()]


class TermsForm(forms.Form):
    """What two people agree to."""

    kind = forms.ChoiceField(label=_("Kind"), choices=choices("partner_kind"))
    country = forms.CharField(
        label=_("Country"),
        max_length=2,
        help_text=_("two capital letters, ISO 3166"),
        validators=[RegexValidator("^[A-Z]{2}$", _("Two capital letters, such as GB."))],
    )
    clearance = forms.ChoiceField(
        label=_("May be told up to"), choices=choices("tlp"), initial="green"
    )
    pap = forms.ChoiceField(label=_("Honours up to"), choices=choices("pap"), initial="green")
    hours = forms.IntegerField(
        label=_("Hours to an answer"), min_value=1, max_value=2_000, initial=72
    )
    urgent_hours = forms.IntegerField(
        label=_("Hours, if urgent"), min_value=1, max_value=2_000, initial=4
    )
    handling = forms.MultipleChoiceField(
        label=_("Codes of handling that it honours"),
        choices=choices("handling"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    purposes = forms.MultipleChoiceField(
        label=_("Purposes agreed"), choices=choices("purpose"), widget=forms.CheckboxSelectMultiple
    )


class ChangeForm(TermsForm):
    """Other terms, and why."""

    reason = forms.CharField(label=_("Reason"), max_length=400)


class PartnerForm(TermsForm):
    """A new partner."""

    codename = forms.CharField(
        label=_("Codename"),
        max_length=60,
        help_text=_("what pages and logs call it; says nothing of who it is"),
    )
    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("sealed"))
    contact = forms.CharField(
        label=_("Secure contact"),
        max_length=400,
        required=False,
        help_text=_("sealed; found elsewhere than in what they sent"),
    )
    team = TeamField(label=_("Kept by team"))
    field_order = ("codename", "name", "contact", "team")

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        team: Any = self.fields["team"]
        team.offer(Team.objects.filter(organisation=user.organisation_id))


class CallForm(forms.Form):
    """A call back, to a partner or to who asks in its name."""

    how = forms.CharField(
        label=_("Whom, and where the number is from"),
        max_length=200,
        help_text=_("an office, not a name; a number that they did not give themselves"),
    )
    confirmed = forms.TypedChoiceField(
        label=_("They confirmed"),
        choices=[("yes", _("yes")), ("no", _("no"))],
        coerce=lambda value: value == "yes",
    )


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(label=_("Reason"), max_length=400, required=False)


class StopForm(forms.Form):
    """Suspend or end."""

    standing = forms.ChoiceField(
        label=_("From now on"), choices=[("suspended", _("Suspended")), ("ended", _("Ended"))]
    )
    reason = forms.CharField(label=_("Reason"), max_length=400)


class AccountForm(forms.Form):
    """A new account of a partner."""

    username = forms.CharField(label=_("Name for signing in"), max_length=60)

    def clean_username(self) -> str:
        """Refuse a name that is taken."""
        username: str = self.cleaned_data["username"]
        if User.objects.filter(username=username).exists():
            raise forms.ValidationError(_("This name is taken."))
        return username
