"""Forms of accounts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from clewline.desk.accounts.models import Organisation, Team, User
from clewline.desk.accounts.services import TOKEN_DAYS
from clewline.desk.roles import ACTIONS, ROLES, Role

# Accounts of partners are made on the partner's page.
_ROLE_CHOICES = [
    (str(role), f"{role.value.capitalize()}: {text}")
    for role, text in ROLES.items()
    if role is not Role.PARTNER
]


class PasswordField(forms.CharField):
    """A new password, held against the rules."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Password"),
            help_text=_("12 characters or more"),
            max_length=200,
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            validators=[validate_password],
        )


class SetUpForm(forms.Form):
    """What the first visit asks."""

    organisation = forms.CharField(label=_("Organisation"), max_length=120)
    team = forms.CharField(label=_("First team"), max_length=120)
    username = forms.CharField(label=_("Your name for signing in"), max_length=60)
    password = PasswordField()


class PasswordForm(forms.Form):
    """What an invitation asks."""

    password = PasswordField()


class AccessForm(forms.Form):
    """Roles and teams of somebody."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        choices=_ROLE_CHOICES,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("Auditor and administrator go with no other role."),
    )
    teams = forms.ModelMultipleChoiceField(
        label=_("Teams"),
        queryset=Team.objects.none(),
        to_field_name="name",
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def __init__(self, organisation: Organisation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = self.fields["teams"]
        assert isinstance(teams, forms.ModelMultipleChoiceField)
        teams.queryset = Team.objects.filter(organisation=organisation).order_by("name")

    def clean_roles(self) -> list[str]:
        """Hold the roles against the rules."""
        roles: list[str] = self.cleaned_data["roles"]
        User(roles=roles).clean()
        return roles


class PersonForm(AccessForm):
    """A new account."""

    username = forms.CharField(label=_("Name for signing in"), max_length=60)
    field_order = ("username", "roles", "teams")

    def clean_username(self) -> str:
        """Refuse a name that is taken."""
        username: str = self.cleaned_data["username"]
        if User.objects.filter(username=username).exists():
            raise forms.ValidationError(_("This name is taken."))
        return username


class TeamForm(forms.Form):
    """A new team."""

    name = forms.CharField(label=_("Name of the team"), max_length=120)


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(label=_("What it is for"), max_length=60)
    days = forms.IntegerField(
        label=_("Days until it expires"), min_value=1, max_value=TOKEN_DAYS, initial=30
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"), widget=forms.CheckboxSelectMultiple, choices=[]
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [
            (name, f"{action.help} ({name})") for name, action in ACTIONS.items() if user.may(name)
        ]
