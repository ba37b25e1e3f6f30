"""What records have in common: a reference, a team, sealed fields, and that nobody edits them."""

from __future__ import annotations

import secrets
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from django.conf import settings
from django.db import models

from clewline.desk.vault import Vault, keyed_index, open_vault

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32
_REFERENCE_LENGTH: Final = 10


def new_reference(letter: str) -> str:
    """Return a fresh reference such as ``S-7K3M2-92QDX``: 50 random bits.

    Not a running number: that would tell everybody how many records there are.
    """
    text = "".join(secrets.choice(_ALPHABET) for _ in range(_REFERENCE_LENGTH))
    return f"{letter}-{text[:5]}-{text[5:]}"


@cache
def vault() -> Vault:
    """Return the vault of this desk."""
    return open_vault(settings.HOME)


def index_of(kind: str, value: str) -> bytes:
    """Return the bytes by which `value` is found without being kept in the clear."""
    return keyed_index(settings.HOME.key("index"), kind, value)


class AppendOnly(models.Model):
    """A row that is written once; what corrects it is another row."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row; refuse to write it again."""
        if not self._state.adding:
            message = f"{type(self).__name__} is append-only: supersede it"
            raise TypeError(message)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse."""
        message = f"{type(self).__name__} is append-only: withdraw it"
        raise TypeError(message)


class TeamQuerySet(models.QuerySet[Any]):
    """Records that belong to a team."""

    def visible_to(self, user: User) -> Self:
        """Keep what `user` may know of: the records of their teams."""
        return self.filter(team__in=user.team_ids)


class TeamOwned(models.Model):
    """A record of one team; others do not learn that it exists."""

    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")

    objects = TeamQuerySet.as_manager()

    class Meta:
        abstract = True


class Referenced(models.Model):
    """A record that people name by a reference."""

    LETTER: ClassVar[str]

    ref = models.CharField(max_length=13, unique=True, editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Give the record its reference."""
        if not self.ref:
            self.ref = new_reference(self.LETTER)
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        """Return the reference: all that a list, log or title says of a record."""
        return self.ref


class Sealed(models.Model):
    """A record with fields that only its own key opens. Field x is kept as x_sealed."""

    SEALED: ClassVar[tuple[str, ...]] = ()

    key_id = models.CharField(max_length=32, editable=False)

    class Meta:
        abstract = True

    def seal(self, field: str, text: str) -> None:
        """Set a sealed field; empty text leaves it empty.

        The record needs its reference first, because a sealed text is bound to it.
        """
        if not self.key_id:
            self.key_id = vault().new_key()
        sealed = vault().seal(self.key_id, text, self._context(field)) if text else None
        setattr(self, f"{field}_sealed", sealed)

    def unseal(self, field: str) -> str:
        """Open a sealed field. Who calls this has been through the door of a reveal.

        Raises
        ------
        ErasedError
            If the record's key was destroyed.
        """
        sealed = getattr(self, f"{field}_sealed")
        return vault().unseal(self.key_id, bytes(sealed), self._context(field)) if sealed else ""

    def _context(self, field: str) -> str:
        """Bind a sealed text to its record and field."""
        if field not in self.SEALED:
            message = f"{field} is no sealed field of {type(self).__name__}"
            raise TypeError(message)
        return f"{getattr(self, 'ref', '') or self.key_id}/{field}"
