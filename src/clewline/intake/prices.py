"""Prices and periods in running text, in the ways in which people write them.

What may be read in two ways is read in two ways.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from clewline.intake.marks import (
    Mark,
    by_spelling,
    marks_of,
    one_of,
    whole_words,
    words_before_units,
)
from clewline.intake.payment_uri import scaled
from clewline.intake.proposal import Certainty, Detail, Proposal, ProposalKind


def _folds() -> dict[int, str]:
    """Return characters that stand for one of ASCII: digits of all scripts, full-width forms."""
    found = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    for code in range(0x660, 0x1FFFF):
        digit = unicodedata.decimal(chr(code), None)
        if digit is not None:
            found[code] = str(digit)
    found |= dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f\u3000"), " ")
    found |= dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
    return found | {0x66B: ".", 0x66C: ",", 0xFFE5: "¥", 0xFFE1: "£", 0x2019: "'"}


_FOLDS: Final = _folds()


def folded(text: str) -> str:
    r"""Return a text of the same length in small letters, with plain digits, spaces and hyphens.

    Examples
    --------
    >>> folded("\uff35SD \u0661\u0662\u066b\u0665")
    'usd 12.5'
    """
    plain = text if text.isascii() else text.translate(_FOLDS)
    lower = plain.lower()
    if len(lower) == len(plain):
        return lower
    return "".join(one.lower() if len(one.lower()) == 1 else one for one in plain)


def _number(name: str) -> str:
    """Return the expression for a number; `name` is that of its separator.

    Groups of three with one separator (or of two and three, as in India), or digits and a fraction.
    """
    return (
        rf"(?:\d{{1,3}}(?P<{name}>[ .,'])\d{{3}}(?:(?P={name})\d{{3}})*+(?!\d)"
        r"(?:[.,]\d{1,18}+)?"
        r"|\d{1,2}(?:,\d\d(?!\d))++,\d{3}(?!\d)(?:\.\d{1,18}+)?"
        r"|\d{1,15}(?:[.,]\d{1,18}+)?)(?!\d)"
    )


_TIMES: Final = {"k": 3, "тыс": 3, "тыс.": 3, "tys": 3, "tsd": 3, "mio": 6, "万": 4, "萬": 4}
_DIGITS: Final = re.compile("[0-9]+")
_MANY: Final = rf"(?:{one_of(_TIMES)})(?:(?!\w)|(?<=[万萬]))))?"
_FIRST: Final = re.compile(
    rf"(?<![\d.,]){_number('group')}(?:[ ]?(?P<many>{_MANY}(?:[.,]?-{{1,2}}(?!\d))?"
)
_JOIN: Final = r"[ ]?(?:-|~|〜|to|bis|à|al?|do|до|tot|ile|至|到|から)[ ]?"
_FROM: Final = re.compile(
    r"(?:(?<![^\W_])(?:from|starting at|starts at|ab|à partir de|dès|desde|a partir de|a partire da"
    r"|da|vanaf|od|от)[ ]?|最低)\Z"
)
_UP_TO: Final = re.compile(
    r"(?<![^\W_])(?:up to|max\.?|bis zu|jusqu'à|hasta|fino a|até|tot|do|до)[ ]?\Z"
)
_FROM_AFTER: Final = re.compile(r"[ ]?(?:\+|から|~|〜|起)(?!\w)")
_LOOK_BACK: Final = 20


def readings(shown: str, *, coin: bool = False, whole: bool = False) -> tuple[str, ...]:
    """Return what a written number may be, as decimal strings; more than one where it may be two.

    Parameters
    ----------
    shown : str
        Digits of ASCII with separators, no sign.
    coin : bool
        Whether it counts coins, of which small parts are usual: then the fraction comes first.
    whole : bool
        Whether it counts a currency without fractions.

    Examples
    --------
    >>> readings("1.500,00"), readings("1 500"), readings("0.0015"), readings("1.500")
    (('1500.00',), ('1500',), ('0.0015',), ('1500', '1.500'))
    """
    plain = re.sub(r"[ ']", "", shown)
    marks = [one for one in plain if one in ".,"]
    if not marks:
        return (str(int(plain)),)
    first, *_, last = re.split(r"[.,]", plain)
    fraction = len(marks) == 1 and (len(last) != 3 or first.startswith("0"))
    if len(set(marks)) == 2 or fraction:
        before, _, after = plain.rpartition(marks[-1])
        return (f"{int(re.sub(r'[.,]', '', before))}.{after}",)
    grouped = str(int(re.sub(r"[.,]", "", plain)))
    if len(marks) > 1 or len(plain) < len(shown) or whole:
        return (grouped,)
    split = plain.replace(",", ".")
    return (split, grouped) if coin else (grouped, split)


class _Money(NamedTuple):
    """A currency that stands beside a number."""

    mark: Mark
    start: int
    end: int
    is_sign: bool


@cache
def _spellings() -> tuple[dict[str, Mark], re.Pattern[str], re.Pattern[str]]:
    """Return currencies by spelling, and expressions for one after and one before a number."""
    known: dict[str, Mark] = {}
    for mark in marks_of("currencies"):
        for sign in mark.signs:
            known[sign.lower()] = mark
        known |= dict.fromkeys((*mark.words, mark.id.lower()), mark)
    words = whole_words(known, "money")
    return known, re.compile(rf"[ \t]{{0,2}}{words}"), re.compile(rf"{words}[ \t:]{{0,2}}\Z")


class _Text(NamedTuple):
    """A text as it stands and folded."""

    shown: str
    folded: str

    def money(self, match: re.Match[str] | None, shift: int = 0) -> _Money | None:
        """Return the currency of a match, if its case fits."""
        if match is None:
            return None
        start, end = (place + shift for place in match.span("money"))
        mark = _spellings()[0][match["money"]]
        shown = self.shown[start:end].translate(_FOLDS)
        if mark.word and match["money"] == mark.id.lower() and shown != mark.id:
            return None
        return _Money(mark, start, end, shown in mark.signs)

    def money_after(self, at: int) -> _Money | None:
        """Return the currency that begins at a place."""
        after = _spellings()[1].match(self.folded, at)
        return self.money(after)

    def money_before(self, at: int, least: int) -> _Money | None:
        """Return the currency that ends at a place, and begins at another or later."""
        first = max(at - _LOOK_BACK, least)
        return self.money(_spellings()[2].search(self.folded[first:at]), first)


_RANGE: Final = re.compile(
    rf"{_JOIN}(?P<again>[^\W\d_]{{1,4}}|[$€£¥₽₿])?[ ]?(?P<number>{_number('group')})"
    rf"(?:[ ]?(?P<many>{_MANY}"
)
_PAID_IN: Final = re.compile(
    r"(?:[ ](?:worth of|in|of|en|em|w|в|als|payable in|paid in))?[ ]{0,2}[(]?[ ]?(?=[^\W\d])"
)


def _price(text: _Text, number: re.Match[str], least: int) -> Proposal | None:
    """Return the price of which a number is the first, or None where no currency is beside it."""
    folded_text = text.folded
    start, end = number.span()
    before = text.money_before(start, least)
    after = text.money_after(end)
    # "10 EUR - 20 EUR", "10-20 EUR", "$10 - $20"
    second = _RANGE.match(folded_text, after.end if after else end)
    if second is not None and second["again"] and second["again"] not in _spellings()[0]:
        second = None
    stop = after.end if after else end
    if second is not None:
        then = text.money_after(second.end())
        if then is None and not (before or after or second["again"]):
            return None
        if after and then is None and not second["again"]:
            second = None
        else:
            after = then or after
            stop = max(then.end if then else 0, second.end())
    money = after if after and (not before or not after.is_sign) else before
    if before and after and not before.is_sign and before.mark != after.mark:
        money = before if after.is_sign else after
    if money is None:
        return None
    if number.start() and folded_text[start - 1].isalpha() and not (before and before.end == start):
        return None
    begin = before.start if before and money is before else start
    if before and before.is_sign and money is after:
        begin = before.start
    mark = money.mark
    shown = _digits(number[0])
    amounts = [readings(shown, coin=mark.coin, whole=mark.whole)]
    powers = [_TIMES[number["many"]] if number["many"] else 0]
    if second is not None:
        amounts.append(readings(_digits(second["number"]), coin=mark.coin, whole=mark.whole))
        powers.append(_TIMES[second["many"]] if second["many"] else 0)
        powers[0] = powers[0] or powers[1] if _small(amounts[0][0], amounts[1][0]) else powers[0]
    return _proposal(text, (begin, stop), money, amounts, powers)


def _digits(shown: str) -> str:
    """Return a number without what stands behind its digits."""
    return re.sub(r"[^\d .,'].*", "", shown).rstrip(" .,'")


def _small(first: str, second: str) -> bool:
    """Tell whether "1-2k" must mean thousands twice."""
    return float(first) <= float(second)


def _proposal(
    text: _Text,
    span: tuple[int, int],
    money: _Money,
    amounts: list[tuple[str, ...]],
    powers: list[int],
) -> Proposal:
    """Return a price with what is known and not known of it."""
    start, end = span
    currency = money.mark.id
    values = [
        tuple(scaled(one, power) for one in each)
        for each, power in zip(amounts, powers, strict=True)
    ]
    details: dict[str, Detail] = {"currency": currency}
    if money.mark.coin:
        details["coin"] = "yes"
    why: list[str] = []
    least, most = values[0][0], values[-1][0]
    before = text.folded[max(start - _LOOK_BACK, 0) : start]
    if len(values) == 1 and (_FROM.search(before) or _FROM_AFTER.match(text.folded, end)):
        details["amount_min"] = least
        value = f"{least}+ {currency}"
    elif len(values) == 1 and _UP_TO.search(before):
        details["amount_max"] = most
        value = f"0-{most} {currency}"
    else:
        details |= {"amount_min": least, "amount_max": most}
        value = f"{least} {currency}" if least == most else f"{least}-{most} {currency}"
    certainty = Certainty.CERTAIN
    if text.folded[money.start : money.end] in money.mark.shared:
        certainty = Certainty.LIKELY
        details["other_currencies"] = money.mark.others
        why.append(f"{', '.join(money.mark.others)} may be written so, too")
    if any(len(each) > 1 for each in values):
        certainty = Certainty.AMBIGUOUS
        details["amount_readings"] = tuple(dict.fromkeys(one for each in values for one in each))
        why.append("three digits after the separator may be thousands or a fraction")
    if (paid := _paid_in(text, end, money.mark)) is not None:
        details["currency_of_payment"] = paid
    reason = "a number beside a currency" + "".join(f"; {one}" for one in why)
    return Proposal(
        *(ProposalKind.PRICE, value, text.shown[start:end], start, end, "text"),
        *(certainty, reason, details, start),
    )


def _paid_in(text: _Text, at: int, price: Mark) -> str | None:
    """Return the coin in which a price is to be paid, if one is named right after it."""
    gap = _PAID_IN.match(text.folded, at)
    money = text.money_after(gap.end()) if gap else None
    return money.mark.id if money and money.mark.coin and money.mark != price else None


def find_prices(text: str) -> Iterator[Proposal]:
    """Yield the prices of a text: numbers beside a currency.

    Parameters
    ----------
    text : str
        As it stands.

    Yields
    ------
    Proposal
        In order of place; offsets are those of the text.

    Examples
    --------
    >>> for price in find_prices("Gold: from US$ 20, 1.500 EUR, 10-20 € or 0.0015 BTC, 2k USD"):
    ...     print(price.shown, "|", price.value, "|", price.certainty)
    US$ 20 | 20+ USD | certain
    1.500 EUR | 1500 EUR | ambiguous
    10-20 € | 10-20 EUR | certain
    0.0015 BTC | 0.0015 BTC | certain
    2k USD | 2000 USD | certain
    """
    both = _Text(text, folded(text))
    used = 0
    at = 0
    while digit := _DIGITS.search(both.folded, at):
        number = _FIRST.match(both.folded, digit.start())
        at = number.end() if number else digit.end()
        found = _price(both, number, used) if number else None
        if found is not None:
            assert found.end is not None
            at = used = found.end
            yield found


@cache
def _period() -> re.Pattern[str]:
    """Return the expression for periods."""
    marks = marks_of("periods")
    alone = whole_words((word for mark in marks for word in mark.words), "alone")
    units = one_of(unit for mark in marks for unit in mark.units)
    words = [one for one in words_before_units() if one[-1].isalpha()]
    per = f"(?:/|[毎每]|(?<![^\\W_])(?:{one_of(words)})[ ])[ ]?"
    end = r"(?:(?![^\W\d_])|(?<=[\u3040-\u9fff]))"
    return re.compile(
        rf"{alone}|(?:{per}(?:(?P<many>\d{{1,3}})[ -]?)?|(?<![\d.,])(?P<count>\d{{1,3}})[ -]?)"
        rf"(?P<unit>{units}){end}"
    )


def _by_days(days: int) -> Mark | None:
    """Return the period that lasts so many days, near enough."""
    spans = {"daily": (1, 1), "weekly": (7, 7), "monthly": (28, 31), "quarterly": (84, 93)}
    spans["yearly"] = (360, 366)
    for mark in marks_of("periods"):
        first, last = spans.get(mark.id, (0, -1))
        if first <= days <= last:
            return mark
    return None


def find_periods(text: str, spans: Sequence[tuple[int, int]] | None = None) -> Iterator[Proposal]:
    """Yield the periods of a text: words such as "monthly", and units with "/", "per" or a number.

    Parameters
    ----------
    text : str
        As it stands.
    spans : sequence of tuple of int, optional
        Starts and ends of where to look, in order; everywhere by default.

    Yields
    ------
    Proposal
        In order of place. Of a length that the record has no word for, the value is the length.

    Examples
    --------
    >>> [(one.shown, one.value) for one in find_periods("20 EUR / month, 3 months, lifetime")]
    [('/ month', 'monthly'), ('3 months', 'quarterly'), ('lifetime', 'lifetime')]
    """
    low = folded(text)
    alone, units = by_spelling("periods", "words"), by_spelling("periods", "units")
    places = [(0, len(low))] if spans is None else spans
    for match in (match for span in places for match in _period().finditer(low, *span)):
        start, end = match.span()
        certainty, reason = Certainty.CERTAIN, "a word for a period"
        if match["alone"]:
            value = alone[match["alone"]].id
        else:
            unit, count = units[match["unit"]], int(match["many"] or match["count"] or 1)
            mark = _by_days(unit.days * count)
            reason = "a unit of time with a number or a word before it"
            value = mark.id if mark else f"{unit.days * count} days"
            if mark is None:
                certainty, reason = Certainty.AMBIGUOUS, f"{reason}; no period of the record"
        yield Proposal(
            *(ProposalKind.PERIOD, value, text[start:end], start, end, "text"),
            *(certainty, reason, {}, start),
        )
