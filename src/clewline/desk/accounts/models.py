"""Organisations, teams, people, API tokens."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from clewline.desk.ledger import AppendOnly
from clewline.desk.roles import ACTIONS, ALONE, Role, allowed


class Organisation(models.Model):
    """A hotline, a police unit, an exchange."""

    name = models.CharField(max_length=120, unique=True)

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class Team(models.Model):
    """Who shares records: people outside a team do not learn that its records exist."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="teams")
    name = models.CharField(max_length=120)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "name"], name="team_name_once")
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes people."""

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> User:
        """Make an account; no password means that none lets in."""
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save()
        return user


class User(AbstractBaseUser):
    """A person at the desk. Others and the audit log see the pseudonym only."""

    username = models.CharField(max_length=60, unique=True)
    pseudonym = models.CharField(max_length=40, unique=True)
    email = models.EmailField(blank=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="people")
    teams = models.ManyToManyField(Team, related_name="people", blank=True)
    roles = models.JSONField(default=list, blank=True)
    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, null=True, blank=True, related_name="people"
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sessions_from = models.PositiveIntegerField(default=0)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    def __str__(self) -> str:
        """Return the pseudonym."""
        return self.pseudonym

    def clean(self) -> None:
        """Check the roles: known ones, and those that go alone alone."""
        held = set(self.roles)
        if unknown := held - set(Role):
            raise ValidationError({"roles": f"no such role: {', '.join(sorted(unknown))}"})
        if held & ALONE and len(held) > 1:
            raise ValidationError(
                {"roles": f"{', '.join(sorted(ALONE))}: each goes with no other role"}
            )
        if (held - {Role.PARTNER} and self.partner_id) or (
            Role.PARTNER in held and not self.partner_id
        ):
            raise ValidationError({"roles": "partner: for accounts made on a partner's page alone"})

    def get_session_auth_hash(self) -> str:
        """Bind sessions to the password and to `sessions_from`, which signs out everywhere."""
        return f"{super().get_session_auth_hash()}-{self.sessions_from}"

    @cached_property
    def team_ids(self) -> list[int]:
        """Ids of the teams whose records this person may know of."""
        return list(self.teams.values_list("id", flat=True))

    def may(self, action: str) -> bool:
        """Tell whether this person's roles allow an action at all."""
        return allowed(self.roles, ACTIONS[action])[0]


class AccessChange(AppendOnly):
    """Roles and teams that an administrator asks for somebody.

    What lets a person read records needs a second one: an approver who is neither asker nor asked.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="changes")
    roles = models.JSONField(default=list)
    team_ids = models.JSONField(default=list)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)

    @property
    def team_names(self) -> list[str]:
        """Names of the teams."""
        return list(
            Team.objects.filter(id__in=self.team_ids)
            .order_by("name")
            .values_list("name", flat=True)
        )


class AccessDecision(AppendOnly):
    """What became of a change, and by whom; nobody where one person was enough."""

    change = models.OneToOneField(AccessChange, on_delete=models.PROTECT, related_name="decision")
    granted = models.BooleanField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Invitation(models.Model):
    """A link with which somebody sets the password of an account, once. Only its hash is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class ApiToken(models.Model):
    """A key for programs: some of its owner's actions, until a day. Only its hash is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    @property
    def ref(self) -> str:
        """What its owner's pages call it: no running number, which would tell of others' tokens."""
        return self.digest[:16]

    @property
    def is_valid(self) -> bool:
        """Whether it still lets in."""
        return self.revoked_at is None and self.expires_at > timezone.now()


class FirstAnswer(models.Model):
    """What a token was answered under an idempotency key, hashed or sealed: `api/repeats.py`."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)
    request = models.CharField(max_length=64)
    answer = models.BinaryField(default=b"")
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["token", "key"], name="first_answer_once")
        ]
