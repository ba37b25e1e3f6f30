"""Filters that every template has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django import template
from django.template.defaultfilters import stringfilter
from django.utils.html import format_html
from django.utils.safestring import SafeString

from clewline import vocab
from clewline.desk.roles import ACTIONS
from clewline.reports.case import btc

if TYPE_CHECKING:
    from datetime import datetime

    from clewline.desk.accounts.models import User

register = template.Library()


@register.filter
def may(user: User, action: str) -> bool:
    """Tell whether a person's roles allow an action: ``{% if user|may:"sighting.record" %}``."""
    return user.is_authenticated and user.may(action)


@register.filter
def utc(moment: datetime) -> SafeString:
    """Show a time in UTC, to the minute, for people and for machines."""
    return format_html(
        '<time datetime="{}">{}</time>',
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment.strftime("%Y-%m-%d %H:%M"),
    )


@register.filter
def short(text: str) -> SafeString:
    """Show the two ends of an address or hash; the whole stands in its title."""
    if len(text) <= 20:
        return format_html("<code>{}</code>", text)
    return format_html('<code title="{}">{}…{}</code>', text, text[:10], text[-6:])


@register.filter
def entry(names: Mapping[str, str], key: str) -> str:
    """Look a key up: ``{{ names|entry:ref }}``; the key itself where it is not there."""
    return names.get(key, key)


@register.filter
def word(value: str, field: str) -> str:
    """Show a word of a record's field as people read it: ``{{ row.period|word:"period" }}``."""
    return vocab.record_fields()[field].words.get(value, value) or "\N{EN DASH}"


@register.filter
def confidence(step: str) -> SafeString:
    """Show a step of the confidence ladder in words; what it means stands in its title."""
    known = vocab.confidences().get(step)
    if known is None:
        return format_html("{}", step)
    return format_html('<span title="{}">{}</span>', known.description, step.replace("_", " "))


@register.filter
def action(name: str) -> str:
    """Show what an action is in words; nothing for one that no role asks for, as of a program."""
    known = ACTIONS.get(name)
    return known.help if known else ""


@register.filter(is_safe=True)
@stringfilter
def sentence(text: str) -> str:
    """Show a title of allauth as this desk writes titles: "Security Keys" is "Security keys"."""
    return text.strip().capitalize()


@register.filter
def coins(satoshi: int) -> str:
    """Show an amount of a chain store with all eight decimals."""
    return btc(satoshi)


@register.filter
def percent(share: float) -> str:
    """Show a share of one as per cent."""
    return f"{100 * share:.1f} %"
