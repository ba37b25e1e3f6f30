"""What a page names: rails, coins and networks, processors, and kinds of access beside a price."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from clewline.intake.marks import Mark, by_spelling, marks_of, one_of, whole_words
from clewline.intake.proposal import Certainty, Detail, Proposal, ProposalKind


class Lines:
    """Which line a place of a text is on."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def of(self, place: int) -> int:
        """Return the number of the line, from 0."""
        return bisect_right(self.starts, place) - 1

    def __len__(self) -> int:
        """Return how many lines there are."""
        return len(self.starts)

    def __getitem__(self, line: int) -> tuple[int, int]:
        """Return start and end of a line, without its end of line."""
        last = line + 1 == len(self.starts)
        return self.starts[line], len(self.text) if last else self.starts[line + 1] - 1


_NAMED: Final = ("rails", "processors", "networks", "currencies")


@cache
def _words() -> tuple[dict[str, list[tuple[str, Mark]]], re.Pattern[str]]:
    """Return what pages name in words, section and mark by word, and the expression for a word."""
    known: dict[str, list[tuple[str, Mark]]] = {}
    for section in _NAMED:
        for mark in marks_of(section):
            if section != "currencies" or mark.coin:
                code = (mark.id.lower(),) if mark.coin and mark.id.lower() not in mark.words else ()
                for word in (*mark.words, *code):
                    known.setdefault(word, []).append((section, mark))
    return known, re.compile(whole_words(known))


@cache
def _marks() -> tuple[dict[str, list[tuple[str, Mark]]], re.Pattern[str]]:
    """Return what rails and processors leave in a page's source, and the expression for it."""
    known: dict[str, list[tuple[str, Mark]]] = {}
    for section in ("rails", "processors"):
        for mark in marks_of(section):
            for word in mark.marks:
                known.setdefault(word, []).append((section, mark))
    return known, re.compile(rf"(?<![a-z0-9]){one_of(known)}")


@cache
def _tiers() -> tuple[dict[str, Mark], re.Pattern[str]]:
    """Return the tiers by their words, and the expression for a word."""
    known = by_spelling("tiers", "words")
    return known, re.compile(whole_words(known))


def find_named(text: str, low: str, *, in_source: bool = False) -> Iterator[Proposal]:
    """Yield the rails, coins, networks and processors that a text names.

    Parameters
    ----------
    text, low : str
        As it stands, and `clewline.intake.prices.folded`.
    in_source : bool
        Whether to look for hosts, classes and the like instead of words.

    Yields
    ------
    Proposal
        In order of place. Coins and networks are rails of crypto.

    Examples
    --------
    >>> text = "Visa, USDT (TRC20), BTCPay, not solid"
    >>> [(one.value, one.shown) for one in find_named(text, text.lower())][2:]
    [('crypto', 'TRC20'), ('btcpay', 'BTCPay')]
    """
    known, form = _marks() if in_source else _words()
    reason = "a mark in the source of the page" if in_source else "named in the page"
    for match in form.finditer(low):
        start, end = match.span()
        for section, mark in known[match[0]]:
            if mark.word and match[0] == mark.id.lower() and text[start:end] != mark.id:
                continue
            kind, value, details = _meant(section, mark)
            yield Proposal(
                *(kind, value, text[start:end], start, end, "text"),
                *(Certainty.LIKELY, reason, details, start),
            )


def _meant(section: str, mark: Mark) -> tuple[ProposalKind, str, dict[str, Detail]]:
    """Return what naming a mark of a section means: kind, value and details."""
    details: dict[str, Detail] = {"title": mark.title}
    if section == "processors":
        return ProposalKind.PROCESSOR, mark.id, {**details, "rail": mark.rail}
    details["brand"] = mark.id
    if section == "rails":
        return ProposalKind.RAIL, mark.rail, details
    details["asset" if mark.coin else "network"] = mark.id
    if mark.chains:
        details["chains"] = mark.chains
    return ProposalKind.RAIL, "crypto", details


_SAID: Final = re.compile(
    r"(?<![^\W_])(?:plan|tier|level|package|paket|pakiet|formule|formula|pacote|paquete|pacchetto"
    r"|pakket|stufe|niveau|nivel|livello|poziom|тариф|пакет|уровень|план|seviye)[ ]{1,2}"
    r"[\"'«]?([^\W_]{1,12})(?![^\W_])|(?:プラン|コース|套餐|方案)[ ]?([A-Za-z0-9])(?!\w)"
)
_LABEL: Final = re.compile(r"\s*([^\W\d_][^\t:|=>]{0,39}?)\s*(?:[\t:|=>]|[-–—]\s|\.{3,})")  # noqa: RUF001 - dashes are written
_NO_LABEL: Final = frozenset(
    {
        *("price", "cost", "costs", "total", "amount", "sum", "pay", "send", "payment", "only"),
        *("preis", "kosten", "betrag", "summe", "prix", "montant", "precio", "importe", "prezzo"),
        *("importo", "preço", "valor", "prijs", "bedrag", "cena", "kwota", "цена", "сумма"),
        *("стоимость", "fiyat", "tutar", "価格", "料金", "金额", "价格", "balance", "fee"),
        *("invoice", "order", "checkout", "pricing", "prices", "rechnung", "facture", "factura"),
        *("fattura", "fatura", "factuur", "faktura", "счет", "счёт", "membership", "access"),
    }
)


def find_tiers(
    text: str, low: str, prices: Sequence[Proposal], heads: Sequence[int]
) -> Iterator[Proposal]:
    """Yield the kinds of access that stand beside a price.

    A neutral word or "plan B" on the line of a price or on one of the two before it; otherwise what
    stands before the price and a colon, a dash or the end of a cell, or a heading right above.

    Parameters
    ----------
    text, low : str
        As it stands, and `clewline.intake.prices.folded`, both without prices and addresses.
    prices : sequence of Proposal
        Of the text, in order.
    heads : sequence of int
        Starts of headings in the text, ascending.

    Yields
    ------
    Proposal
        In order of place.
    """
    lines = Lines(text)
    priced = {lines.of(one.near) for one in prices}
    near: dict[int, int] = {}
    for line in sorted(priced):
        for above in range(max(line - 2, 0), line + 1):
            if above == line or above not in priced:
                near[above] = line
    told: set[int] = set()
    known, form = _tiers()
    for line in sorted(near):
        start, end = lines[line]
        found = [(*match.span(), known[match[0]].id) for match in form.finditer(low, start, end)]
        found += [
            (*match.span(), " ".join(match[0].split())) for match in _SAID.finditer(low, start, end)
        ]
        at = start
        for first, last, value in sorted(found):
            if first >= at:
                at = last
                told.add(near[line])
                yield _tier(value, text, (first, last), Certainty.LIKELY, "a word for a tier")
    for line in sorted(priced - told):
        start, end = lines[line]
        match = _LABEL.match(text, start, end)
        span = match.span(1) if match else (0, 0)
        reason = "what stands before a price"
        if match is None:
            head = bisect_right(heads, start) - 1
            place = lines.of(heads[head]) if head >= 0 else -1
            if place >= 0 and line - 2 <= place < line and place not in priced:
                span, reason = lines[place], "a heading above a price"
        shown = text[slice(*span)]
        words = shown.lower().split()
        if words and len(shown) <= 40 and words[0] not in _NO_LABEL and "\0" not in shown:
            yield _tier(shown.lower(), text, span, Certainty.AMBIGUOUS, reason)


def _tier(
    value: str, text: str, span: tuple[int, int], certainty: Certainty, reason: str
) -> Proposal:
    """Return a tier."""
    start, end = span
    return Proposal(
        *(ProposalKind.TIER, value, text[start:end], start, end, "text", certainty, reason),
        near=start,
    )
