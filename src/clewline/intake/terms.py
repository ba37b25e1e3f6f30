"""What a page says of its own terms: how long an invoice is good for, how credit is earned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from clewline.intake.marks import whole_words
from clewline.intake.prices import folded
from clewline.intake.proposal import Certainty, Proposal, ProposalKind

_BEFORE_TIME: Final = (
    r"(?:expir\w{0,4}|valid\w{0,2}|time (?:left|remaining)|remaining|pay(?:ment)? within|within"
    r"|awaiting payment|läuft|gültig|verbleiben\w{0,3}|noch|caduca|válid[oa]|tiempo restante"
    r"|scad[ea]|valid[oa]|geldig|verloopt|wygas\w{0,4}|ważn[aey]|pozostało|истека\w{0,3}"
    r"|действител\w{0,3}|осталось|geçerli|kalan süre|有効期限|残り|剩余|有效|过期)"
)
_AFTER_TIME: Final = (
    r"(?:left|remaining|to (?:pay|complete)|verbleiben\w{0,3}|übrig|restant\w{0,2}|restantes"
    r"|rimanent\w|resterend|осталось|kald\w|以内|内有效)"
)
_UNITS: Final = (
    (
        "seconds",
        1,
        r"s|secs?|seconds?|sekunden|secondes|segundos|secondi|seconden|sekund|сек\w{0,4}|秒",
    ),
    (
        "minutes",
        60,
        r"min|mins?|minutes?|minuten|minutos?|minuti|minut\w{0,2}|мин\w{0,4}|dakika|分鐘|分钟|分間|分",
    ),
    (
        "hours",
        3600,
        r"h|hrs?|hours?|stunden?|heures?|horas?|ore|ora|uur|godzin\w?|час\w{0,2}|saat|時間|小时",
    ),
)
_UNIT: Final = "|".join(one[2] for one in _UNITS)


_TIME: Final = re.compile(
    r"(?:(?:(?P<hours>\d{1,2}):)?(?P<minutes>\d{1,3}):(?P<seconds>[0-5]\d)(?![\d:])"
    rf"|(?P<count>\d{{1,4}})[ -]?(?P<unit>{_UNIT})(?:(?![^\W_])|(?<=[\u3040-\u9fff])))"
)
_DIGITS: Final = re.compile("[0-9]+")
_UP_TO_TIME: Final = re.compile(rf"(?<![^\W_]){_BEFORE_TIME}[^\n\d]{{0,24}}\Z")
_FROM_TIME: Final = re.compile(rf"[ ]{{0,2}}{_AFTER_TIME}")
_LOOK_BACK: Final = 45  # characters: the longest words before a time, and what may stand between

_CREDIT_WORDS: Final = (
    *("credit", "credits", "point", "points", "coin", "coins", "token", "tokens", "bonus"),
    *("bonuses", "balance", "guthaben", "punkte", "punkten", "crédit", "crédits", "crédito"),
    *("créditos", "puntos", "crediti", "punti", "punten", "punkty", "punktów", "кредит"),
    *("кредиты", "кредитов", "балл", "баллы", "баллов", "монет", "монеты", "kredi", "krediler"),
    *("puan", "ポイント", "クレジット", "积分", "点数"),
)
_CREDIT: Final = re.compile(whole_words(_CREDIT_WORDS))
EARNED: Final = (
    (
        "uploading",
        r"(?<![^\W_])(?:upload\w{0,4}|hochlad\w{0,3}|hochgeladen|téléverse\w{0,2}|sub(?:ir|e|iendo)"
        r"|carica\w{0,4}|carreg\w{0,4}|wgra\w{0,4}|wysył\w{0,3}|загру\w{0,6}|yükle\w{0,4})"
        r"|アップロード|上传",
    ),
    (
        "referring",
        r"(?<![^\W_])(?:refer\w{0,5}|invit\w{0,5}|friends?|affiliate\w{0,1}|einlad\w{0,4}|freunde?"
        r"|parrain\w{0,4}|amigos?|amici|indi(?:que|car)|uitnodig\w{0,3}|vrienden|zapro\w{0,4}"
        r"|znajom\w{0,3}|приглас\w{0,4}|приглаш\w{0,5}|друз\w{0,3}|davet\w{0,3})|招待|紹介|邀请|推荐",
    ),
    (
        "paying",
        r"(?<![^\W_])(?:buy\w{0,3}|pay\w{0,5}|purchas\w{0,4}|deposit\w{0,3}|top[ -]?up|add funds"
        r"|costs?|worth|kauf\w{0,3}|auflad\w{0,3}|einzahl\w{0,3}|achet\w{0,3}|recharg\w{0,3}"
        r"|compra\w{0,2}|recarg\w{0,3}|acquist\w{0,3}|ricaric\w{0,3}|kopen|stort\w{0,2}|kup\w{0,3}"
        r"|doład\w{0,5}|куп\w{0,4}|пополн\w{0,5}|sat\wn al\w{0,4})|購入|チャージ|购买|充值",
    ),
)
"""Ways to come by credit, and the words that tell them."""

_EARNED: Final = tuple((name, re.compile(form)) for name, form in EARNED)
_ENDS: Final = (". ", "!", "?", "\n", "。")
_END: Final = re.compile(r"[!?\n。]|\.(?:\s|\Z)|\Z")


def find_expiries(text: str) -> Iterator[Proposal]:
    """Yield how long an invoice is said to be good for, in seconds.

    Examples
    --------
    >>> [one.value for one in find_expiries("Expires in 15:00. Valid for 20 minutes. 1 hour left")]
    ['900', '1200', '3600']
    """
    low = folded(text)
    at = 0
    while digits := _DIGITS.search(low, at):
        start, at = digits.span()
        match = _TIME.match(low, start)
        first = max(start - _LOOK_BACK, 0)
        before = _UP_TO_TIME.search(low[first:start]) if match else None
        after = _FROM_TIME.match(low, match.end()) if match else None
        if match is None or not (before or after):
            continue
        given = match.groupdict("0")
        if match["unit"]:
            size = next(size for _, size, form in _UNITS if re.fullmatch(form, match["unit"]))
            seconds = int(given["count"]) * size
        else:
            hours, minutes = int(given["hours"]), int(given["minutes"])
            seconds = hours * 3600 + minutes * 60 + int(given["seconds"])
        start = first + before.start() if before else start
        at = end = after.end() if after else match.end()
        reason = "a time beside words that say until when"
        yield Proposal(
            *(ProposalKind.INVOICE_EXPIRY, str(seconds), text[start:end], start, end, "text"),
            *(Certainty.LIKELY, reason, {"unit": "seconds"}, start),
        )


def find_credit(text: str) -> Iterator[Proposal]:
    """Yield where a page says how credit is come by: the place of the sentence, none of its words.

    Examples
    --------
    >>> text = "Made up. Credits: buy them, or earn points when you invite a friend."
    >>> [(one.value, one.shown, text[one.start:one.end][:8]) for one in find_credit(text)]
    [('referring', '', 'Credits:'), ('paying', '', 'Credits:')]
    """
    low = folded(text)
    at = 0
    while named := _CREDIT.search(low, at):
        start = max(low.rfind(mark, at, named.start()) + len(mark) for mark in _ENDS)
        last = _END.search(low, named.end())
        start, at = max(start, at), last.start() if last else len(low)
        start += len(low[start:at]) - len(low[start:at].lstrip())
        end = at
        for name, form in _EARNED:
            if form.search(low, start, end):
                yield Proposal(
                    *(ProposalKind.CREDIT, name, "", start, end, "text", Certainty.LIKELY),
                    *("a sentence with a word for credit and one for how it is come by", {}, start),
                )
