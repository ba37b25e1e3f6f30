"""What Clewline changes of allauth: nobody signs up, and second factors are sealed."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest

from clewline.desk.vault import seal, unseal

_CONTEXT = "second factor"


class ClosedDoors(DefaultAccountAdapter):
    """Accounts are made by administrators; no address of the web is ever asked for mail."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False


class SealedSecrets(DefaultMFAAdapter):
    """Secrets of second factors are encrypted in the database."""

    def encrypt(self, text: str) -> str:
        """Seal a secret."""
        return seal(settings.HOME.key("root"), text, _CONTEXT).hex()

    def decrypt(self, encrypted_text: str) -> str:
        """Open a secret."""
        return unseal(settings.HOME.key("root"), bytes.fromhex(encrypted_text), _CONTEXT)

    def get_public_key_credential_rp_entity(self) -> dict[str, Any]:
        """Name the desk to security keys."""
        return {"id": settings.ALLOWED_HOSTS[0], "name": "Clewline"}
