"""What the pages of routes and reports ask."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from clewline.desk.accounts.models import User
from clewline.desk.partners.models import Partner
from clewline.desk.routing.models import STATES


class RouteForm(forms.Form):
    """Who answers for a country or a brand."""

    country = forms.CharField(
        label=_("Country of the server"),
        max_length=2,
        required=False,
        help_text=_("two capital letters; with no brand either: every other country"),
        validators=[RegexValidator("^[A-Z]{2}$", _("Two capital letters, such as GB."))],
    )
    brand = forms.CharField(
        label=_("or brand of payment"),
        max_length=60,
        required=False,
        help_text=_("as options name it: scheme, processor or issuer"),
    )
    partner = forms.ModelChoiceField(
        Partner.objects.none(), label=_("Partner"), to_field_name="ref"
    )

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        found: Any = self.fields["partner"]
        kinds = ("hotline", "payment_brand")
        partners = Partner.objects.visible_to(user).active().filter(kind__in=kinds)
        found.queryset = partners.order_by("codename", "id")


class StatusForm(forms.Form):
    """What a recipient says, itself or by telephone."""

    state = forms.ChoiceField(label=_("What became of it"), choices=list(STATES.items()))
    at = forms.DateTimeField(label=_("When it happened (UTC)"), help_text=_("as 2026-03-01 14:05"))
