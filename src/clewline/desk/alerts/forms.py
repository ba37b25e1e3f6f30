"""What the pages of alerts ask."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from clewline import vocab
from clewline.desk.accounts.fields import TeamField
from clewline.desk.accounts.models import User
from clewline.desk.alerts.channels import SENDERS
from clewline.desk.partners.models import Partner

_MOST_TEXT: Final = 60_000


def _words(field: str) -> list[tuple[str, str]]:
    """Return the words of a field as choices."""
    return list(vocab.words(field).items())


class AlertForm(forms.Form):
    """What is told to whom."""

    what = forms.CharField(
        label=_("Addresses or sightings"),
        max_length=_MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text=_("One a line: a whole address, or the reference of a sighting for all of its."),
    )
    team = TeamField()
    tlp = forms.ChoiceField(label=_("TLP 2.0, at least"), initial="amber")
    pap = forms.ChoiceField(label=_("PAP, at least"), initial="amber")
    strength = forms.ChoiceField(
        label=_("What is claimed"),
        choices=[
            ("mention", _("Mention: a page showed it")),
            ("control", _("Control established")),
        ],
    )
    confidence = forms.ChoiceField(label=_("Confidence"), initial="web_crawl")
    valid_until = forms.DateTimeField(
        label=_("Valid until (UTC)"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    partners = forms.ModelMultipleChoiceField(
        Partner.objects.none(),
        label=_("Recipients"),
        to_field_name="ref",
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What each of them gets, the policy decides by field."),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["team"].offer(user.teams.all())
        fields["tlp"].choices, fields["pap"].choices = _words("tlp"), _words("pap")
        known = vocab.confidences()
        fields["confidence"].choices = [(one, one.replace("_", " ")) for one in known]
        visible: Any = Partner.objects.visible_to(user)
        fields["partners"].queryset = visible.active().order_by("codename", "id")


class FollowForm(forms.Form):
    """A change or the withdrawal of what was sent."""

    kind = forms.ChoiceField(
        label=_("What"), choices=[("withdrawn", _("Withdraw")), ("changed", _("Send changes"))]
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=400, help_text=_("Stays inside; recipients do not see it.")
    )


class DecideForm(forms.Form):
    """What a second person says."""

    reason = forms.CharField(label=_("Reason"), max_length=400, required=False)


class ChannelForm(forms.Form):
    """A way to a partner."""

    partner = forms.ModelChoiceField(
        Partner.objects.none(), label=_("Partner"), to_field_name="ref"
    )
    team = TeamField()
    kind = forms.ChoiceField(label=_("Channel"))
    target = forms.CharField(
        label=_("Where"),
        max_length=400,
        required=False,
        help_text=_("An https address or a mail address; nothing for what the partner fetches."),
    )
    secret = forms.CharField(
        label=_("Key"),
        max_length=200,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Signing key of a webhook, or the partner's MISP key. Kept sealed."),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        visible: Any = Partner.objects.visible_to(user)
        fields["partner"].queryset = visible.order_by("codename", "id")
        fields["team"].offer(user.teams.all())
        fields["kind"].choices = [(one.name, one.title) for one in SENDERS.values()]

    def clean(self) -> dict[str, Any]:
        """Hold the target against the kind of channel."""
        asked: dict[str, Any] = super().clean() or {}
        kind = SENDERS.get(asked.get("kind", ""))
        if kind is None:
            return asked
        if kind.target_label and not asked.get("target"):
            self.add_error("target", _("This channel needs it."))
        if kind.secret_label and not asked.get("secret"):
            self.add_error("secret", _("This channel needs it."))
        return asked
