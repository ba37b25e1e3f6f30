"""Organisations, teams, people, API tokens."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models

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
    roles = models.JSONField(default=list)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

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

    @cached_property
    def team_ids(self) -> list[int]:
        """Ids of the teams whose records this person may know of."""
        return list(self.teams.values_list("id", flat=True))

    def may(self, action: str) -> bool:
        """Tell whether this person's roles allow an action at all."""
        return allowed(self.roles, ACTIONS[action])[0]
