"""What the pages of disputes ask. No field takes a file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clewline import vocab
from clewline.desk.accounts.fields import TeamField
from clewline.desk.accounts.models import User
from clewline.desk.disputes.services import BY_STAFF


def _words(field: str, *only: str) -> list[tuple[str, Any]]:
    """Return the words of a field as choices."""
    return [
        (word, _(title)) for word, title in vocab.words(field).items() if word in (only or word)
    ]


class PublicForm(forms.Form):
    """What somebody without an account disputes."""

    named = forms.CharField(
        label=_("Which address"),
        max_length=300,
        help_text=_("The address as you know it, or the reference that you were given."),
    )
    disputer_kind = forms.ChoiceField(label=_("Who you are"))
    disputer = forms.CharField(label=_("Your name"), max_length=120, required=False)
    contact = forms.CharField(
        label=_("How we can answer you"),
        max_length=200,
        required=False,
        help_text=_("Without it you cannot be answered."),
    )
    grounds = forms.CharField(
        label=_("What is wrong, and how you know"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 6}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds: Any = self.fields["disputer_kind"]
        kinds.choices = _words("disputer_kind")


class EnterForm(PublicForm):
    """What staff enter of somebody's dispute."""

    channel = forms.ChoiceField(label=_("How it came"))
    received_on = forms.DateField(
        label=_("Received on"), widget=forms.DateInput(attrs={"type": "date"})
    )
    team = TeamField()
    field_order = ("named", "grounds", "disputer_kind", "disputer", "contact", "channel")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["channel"].choices = _words("dispute_channel", *BY_STAFF)
        fields["team"].offer(user.teams.all())
        fields["received_on"].initial = timezone.now().date()
        fields["named"].help_text = _(
            "An address, with its chain before it if it may be of several; or R-… as the "
            "recipient of an alert quotes it. Sealed as they wrote it."
        )
        fields["grounds"].label = _("What they say is wrong")
        fields["grounds"].help_text = _("Sealed, as are name and contact.")
        fields["disputer_kind"].label = _("Who disputes")
        fields["disputer"].label = _("Their name")
        fields["contact"].label = _("How they are answered")
        fields["contact"].help_text = ""


class TakeForm(forms.Form):
    """Which address a dispute is about."""

    named = forms.CharField(
        label=_("Address"),
        max_length=300,
        help_text=_("With its chain before it if it may be of several; or R-… as quoted."),
    )


class ProposeForm(forms.Form):
    """What somebody would decide."""

    outcome = forms.ChoiceField(label=_("Outcome"), widget=forms.RadioSelect)
    correction = forms.ChoiceField(label=_("If partly upheld"), required=False)
    valid_until = forms.DateField(
        label=_("Valid until, if that is corrected"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=400, help_text=_("For colleagues; without names.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["outcome"].choices = _words("dispute_outcome")
        fields["correction"].choices = [("", "-"), *_words("dispute_correction")]


class DecideForm(forms.Form):
    """What a second person says."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        required=False,
        help_text=_("Needed to send it back."),
    )


class ReplyForm(forms.Form):
    """That it was answered."""

    how = forms.CharField(label=_("How it was sent"), max_length=200)
