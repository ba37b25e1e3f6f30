"""What the pages of look-ups ask."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from clewline.desk.lookups.identifiers import read_identifiers
from clewline.desk.partners.forms import choices
from clewline.errors import UsageError


def _day(label: Any, help_text: Any) -> forms.DateField:
    """Return a field for a day that may be left out."""
    widget = forms.DateInput(attrs={"type": "date"})
    return forms.DateField(label=label, required=False, widget=widget, help_text=help_text)


_PARTS: Final = (
    (_("What you ask"), "identifiers purpose legal_basis statute offence necessity alert_ref"),
    (_("Who asks"), "requester requester_role authoriser authoriser_rank case_ref"),
    (_("The reply"), "reply_route no_notification expires_at stands_until urgent urgent_reason"),
)
"""Heading → fields of a look-up under it."""


class AskForm(forms.Form):
    """A look-up."""

    identifiers = forms.CharField(
        label=_("Identifiers, one a line"),
        max_length=8_200,
        help_text=_("whole addresses, transaction ids, addresses of pages, contacts; at most 20"),
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
    )
    purpose = forms.ChoiceField(label=_("Purpose"), choices=choices("purpose"))
    legal_basis = forms.ChoiceField(label=_("Legal basis"), choices=choices("legal_basis"))
    statute = forms.CharField(label=_("Statute"), max_length=200, required=False)
    offence = forms.CharField(
        label=_("Offence, or what not knowing would prejudice"), max_length=200
    )
    necessity = forms.CharField(
        label=_("Why it is necessary and proportionate"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    requester = forms.CharField(label=_("Who asks"), max_length=120)
    requester_role = forms.CharField(label=_("Role of who asks"), max_length=120)
    authoriser = forms.CharField(label=_("Authorised by"), max_length=120)
    authoriser_rank = forms.CharField(label=_("Rank"), max_length=80)
    case_ref = forms.CharField(label=_("Your reference"), max_length=80, required=False)
    alert_ref = forms.CharField(
        label=_("Alert that it is about"),
        max_length=13,
        required=False,
        validators=[
            RegexValidator(
                "^[A-Z]-[0-9A-Z]{5}-[0-9A-Z]{5}$", _("A reference such as A-7K3M2-92QDX.")
            )
        ],
    )
    reply_route = forms.ChoiceField(
        label=_("Wanted route of the reply"), choices=choices("reply_route")
    )
    expires_at = _day(_("Needed until"), _("after that day it is not answered any more"))
    stands_until = _day(_("Stands until"), _("answered again if there is more to share by then"))
    urgent = forms.BooleanField(label=_("Urgent"), required=False)
    urgent_reason = forms.CharField(label=_("Why it is urgent"), max_length=400, required=False)
    no_notification = forms.BooleanField(
        label=_("Nobody concerned must be notified"), required=False
    )

    def clean_identifiers(self) -> str:
        """Hold the identifiers against what is exact; says nothing of what is known."""
        text: str = self.cleaned_data["identifiers"]
        try:
            read_identifiers(text)
        except UsageError as error:
            raise forms.ValidationError(
                f"{error.where}: {error.message}" if error.where != "identifiers" else error.message
            ) from None
        return text

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The fields under three headings, each part as `fields.html` takes a form."""
        return [
            {"title": title, "visible_fields": [self[name] for name in names.split()]}
            for title, names in _PARTS
        ]


class RevocationForm(forms.Form):
    """That an originator took its word back."""

    how = forms.CharField(
        label=_("Who said so, and how"),
        max_length=200,
        help_text=_("an office, not a name; by which call or letter"),
    )


class ConsentForm(RevocationForm):
    """What an originator said."""

    granted = forms.TypedChoiceField(
        label=_("They agreed"),
        choices=[("yes", _("yes")), ("no", _("no"))],
        coerce=lambda value: value == "yes",
    )


class DraftForm(forms.Form):
    """A draft."""

    note = forms.CharField(
        label=_("Note for who checks"), max_length=400, required=False, help_text=_("stays inside")
    )


class DecideForm(forms.Form):
    """Why a draft is released or sent back."""

    reason = forms.CharField(
        label=_("Reason"), max_length=400, required=False, help_text=_("stays inside")
    )
