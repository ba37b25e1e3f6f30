"""The pages of a report: self-contained, without scripts, links or anything fetched.

A pack's page goes to one exchange and names no other; the index is the investigator's overview
and stays in the house.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Final

from clewline.reports.case import (
    Direction,
    Movement,
    Pack,
    RunInfo,
    Step,
    Sums,
    Walk,
    btc,
    reference,
    utc,
)
from clewline.reports.limits import (
    ALTERNATIVES,
    ALWAYS,
    INFERENCES,
    LAYERS,
    alternatives_of,
    inferences_of,
    rule_text,
)
from clewline.reports.markup import Html, element, join
from clewline.reports.record import requested
from clewline.reports.sheet import COLUMNS

_FEW_SUBJECTS: Final = 5
"""As many as leave room on the first screen for what is asked."""

_NO_NAME: Final = "(no name)"

_WALK_NAMES: Final[dict[str, str]] = {
    "deposit": "Forward: money that left the addresses asked about",
    "withdrawal": "Backward: money that came to the addresses asked about",
}
_PART_NAMES: Final[dict[str, str]] = {
    "unspent": "Unspent at the tip",
    "mined": "Came from mining",
    "coinjoin": "Stopped at CoinJoin transactions",
    "capped": "Cut off by the limits of the run, not followed",
    "not_loaded": "Went on, or came from, where the chain is not loaded",
    "fees": "Paid as fees",
}


def pack_page(run: RunInfo, pack: Pack, walks: Sequence[Walk]) -> bytes:
    """Write the page that one exchange receives."""
    # Made once: a site of thousands of addresses meets thousands of steps.
    subjects = pack.touched(run)
    marked = frozenset(subjects)
    return _document(
        f"Request to {pack.entity or _NO_NAME}",
        _note(run),
        element("p", _kind(run, "Request for account-holder information"), class_="kind"),
        element("h1", "Request to ", _name(pack.entity)),
        _question(pack),
        *_asked_about(run, subjects),
        _at_a_glance(pack),
        element(
            "p",
            "This is a request for records, not an accusation. Who asks, on what legal basis, by "
            "when and where to reply is in the covering letter.",
        ),
        element("h2", "The movements"),
        _layers(),
        _movement_table(run, pack),
        element("h2", "What to fill in"),
        *_answers(),
        element("h2", "Each movement and its path"),
        element(
            "p",
            "Outputs on the way in the order of the chain. Transaction ids and addresses are "
            "given whole, as text to copy.",
            class_="quiet",
        ),
        *(
            _movement(run, marked, number, movement)
            for number, movement in enumerate(pack.movements, 1)
        ),
        element("h2", "What this shows and what it does not"),
        _limits(run, pack),
        element("h2", "Other explanations"),
        _alternatives(pack),
        element("h2", "Where the rest of the money is"),
        *_rests(walks, (pack,), "Reached you: in this request", "Reached others, not named here"),
        element("h2", "How this was computed"),
        _run_facts(run),
        *_asked_at_the_end(subjects),
    )


def index_page(run: RunInfo, packs: Sequence[Pack], walks: Sequence[Walk]) -> bytes:
    """Write the investigator's overview of all packs."""
    count = sum(len(pack.movements) for pack in packs)
    found = (
        f"{_counted(count, 'movement')} at {_counted(len(packs), 'exchange')}: one request pack "
        "for each."
        if packs
        else "No labelled exchange was reached under these limits, labels and tip. "
        "That is no statement about money that was not followed; it is counted below."
    )
    return _document(
        "Request packs: overview",
        _note(run),
        element("p", _kind(run, "Overview for the investigator"), class_="kind"),
        element("h1", "Request packs"),
        element("p", found, class_="opening"),
        *_asked_about(run, run.subjects),
        element(
            "p",
            "Send each exchange the files of its own directory only. This page, summary.json and "
            "manifest.json name all of them: keep them.",
            class_="banner",
        ),
        *((_exchange_table(packs),) if packs else ()),
        element("h2", "Where the money is"),
        *_rests(walks, packs, "In these packs", "Reached services that get no pack"),
        element("h2", "How this was computed"),
        _run_facts(run),
        *_asked_at_the_end(run.subjects),
    )


def _document(title: str, *body: str) -> bytes:
    """Wrap a body; the policy lets the page use its own style and nothing else."""
    style = files("clewline.reports").joinpath("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="robots", content="noindex, nofollow"),
        # Telephones would turn runs of digits into links.
        element(
            "meta", name="format-detection", content="telephone=no, date=no, address=no, email=no"
        ),
        element("title", title),
        element("style", Html(style)),
    )
    page = element("html", head, element("body", element("main", *body)), lang="en-GB")
    return f"<!DOCTYPE html>\n{page}\n".encode()


def _kind(run: RunInfo, kind: str) -> str:
    """Say what the page is, of which network and date, and the sender's reference."""
    parts = [kind, f"Bitcoin network {run.network}", _when(run.prepared_at)]
    if run.case_reference:
        parts.append(f"sender's reference {run.case_reference}")
    return " · ".join(parts)


def _note(run: RunInfo) -> Html:
    """Return the note at the head of every page, if there is one."""
    return element("p", run.note, class_="banner", role="note") if run.note else Html()


def _question(pack: Pack) -> Html:
    """Say what is asked, of whom, and how much."""
    entity = _name(pack.entity)
    sums = pack.sums()
    deposits, withdrawals = pack.sums("deposit").count, pack.sums("withdrawal").count
    kinds = [
        *([_counted(deposits, "deposit to you", "deposits to you")] if deposits else []),
        *(
            [_counted(withdrawals, "withdrawal from you", "withdrawals from you")]
            if withdrawals
            else []
        ),
    ]
    return element(
        "p",
        "We ask ",
        entity,
        " to name the holder of the account behind each of ",
        element("strong", _counted(sums.count, "movement")),
        f" ({' and '.join(kinds)}): ",
        "outputs worth ",
        element("strong", f"{btc(sums.value)} BTC"),
        ", between ",
        element("strong", _when(sums.first or 0)),
        " and ",
        element("strong", _when(sums.last or 0)),
        ". By the rules explained below, they are linked to the addresses asked about.",
        class_="opening",
    )


def _asked_about(run: RunInfo, subjects: tuple[str, ...]) -> Iterable[Html]:
    """Say on the first screen what was asked about; a long list follows at the end, whole."""
    total = _counted(len(run.subjects), "address or output", "addresses or outputs")
    part = "" if subjects == run.subjects else f"{len(subjects):,} on the paths below, out of "
    if not subjects or len(subjects) > _FEW_SUBJECTS:
        end = ", listed at the end" if subjects else ""
        yield element("p", f"Asked about: {part}{total}{end}.")
        return
    yield element("p", f"Asked about, {part}{total}:", class_="quiet")
    yield _subject_list(subjects)


def _asked_at_the_end(subjects: tuple[str, ...]) -> Iterable[Html]:
    """List what was asked about where the first screen has no room for it."""
    if len(subjects) > _FEW_SUBJECTS:
        yield element("h2", "Addresses and outputs asked about")
        yield _subject_list(subjects)


def _subject_list(subjects: tuple[str, ...]) -> Html:
    """Return all subjects, one a line."""
    return element(
        "ul", *(element("li", subject, class_="mono") for subject in subjects), class_="plain"
    )


def _at_a_glance(pack: Pack) -> Html:
    """Return the sums by direction."""
    rows = [
        _sums_row(name, pack.sums(direction))
        for direction, name in _directions("to you", "from you")
        if pack.sums(direction).count
    ]
    if len(rows) == 2:
        rows.append(_sums_row("Sum of both rows", pack.sums(), total="total"))
    head = element(
        "tr",
        *(
            element("th", name, scope="col", **({"class_": "n"} if numeric else {}))
            for name, numeric in (
                ("Direction", False),
                ("Movements", True),
                ("Value of the outputs", True),
                ("of which traced", True),
                ("First to last (UTC)", False),
            )
        ),
    )
    return _table(
        "facts",
        "At a glance. Traced: the part of an output that belongs to the addresses asked about.",
        head,
        rows,
    )


def _sums_row(name: str, sums: Sums, *, total: str = "") -> Html:
    """Return one row of sums."""
    dates = (
        ""
        if sums.first is None or sums.last is None
        else f"{_day(sums.first)} to {_day(sums.last)}"
    )
    return element(
        "tr",
        element("th", name, scope="row"),
        element("td", f"{sums.count:,}", class_="n"),
        _amount(sums.value),
        _amount(sums.traced),
        element("td", dates, class_="nowrap"),
        **({"class_": total} if total else {}),
    )


def _layers() -> Html:
    """Explain the colours; every use also says its layer in words."""
    return element(
        "ul",
        *(
            element("li", element("span", name, class_=f"tag {layer}"), ". ", text)
            for layer, (name, text) in LAYERS.items()
        ),
        class_="layers",
    )


def _movement_table(run: RunInfo, pack: Pack) -> Html:
    """Return the table of movements; its column groups are the layers."""
    groups = element(
        "tr",
        _group(LAYERS["observed"][0], 4, "observed"),
        _group(LAYERS["inferred"][0], 3, "inferred"),
        _group(LAYERS["attributed"][0], 1, "attributed"),
    )
    names = element(
        "tr",
        element("th", "No. and reference", scope="col"),
        element("th", "Time (UTC)", scope="col"),
        element("th", "Address and output (txid:index)", scope="col", class_="output"),
        element("th", "Value", scope="col", class_="n"),
        element("th", "Of which traced", scope="col", class_="n"),
        element("th", "Hops", scope="col", class_="n"),
        element("th", "Rule", scope="col"),
        element("th", "Confidence", scope="col"),
    )
    rows = [_movement_row(run, n, movement) for n, movement in enumerate(pack.movements, 1)]
    return _table("movements", "Every movement, by time.", join(groups, names), rows)


def _group(name: str, span: int, layer: str) -> Html:
    """Return the head of a group of columns."""
    return element("th", name, scope="colgroup", colspan=str(span), class_=f"layer {layer}")


def _movement_row(run: RunInfo, number: int, movement: Movement) -> Html:
    """Return one movement as a row."""
    return element(
        "tr",
        element(
            "th",
            f"{number} ",
            element("span", _direction(movement), class_="small nowrap"),
            element("span", reference(run.network, movement), class_="small mono nowrap"),
            scope="row",
        ),
        element("td", *_clock(movement.time)),
        element(
            "td",
            element("div", _where(movement), class_="mono"),
            element("div", movement.outpoint, class_="mono quiet"),
        ),
        _amount(movement.value),
        _amount(movement.traced),
        element("td", f"{movement.hops:,}", class_="n"),
        element("td", rule_text(movement, run.method)),
        element(
            "td",
            element("span", f"{movement.basis.confidence} of 100"),
            element("span", movement.basis.confidence_words, class_="small"),
        ),
    )


def _answers() -> Iterable[Html]:
    """Explain the empty columns of the sheet."""
    yield element(
        "p",
        "The sheet request.csv holds the same movements, one a row, and empty columns "
        "for your answer. Please keep the column 'reference', so that we can match what you send. "
        "If an address is not yours, say so: that helps as well.",
    )
    yield element(
        "dl",
        *(
            join(element("dt", column.name, class_="mono"), element("dd", column.help))
            for column in COLUMNS
            if column.answer
        ),
    )


def _movement(run: RunInfo, subjects: frozenset[str], number: int, movement: Movement) -> Html:
    """Return one movement with its path, its grounds and other explanations."""
    facts = [
        _fact(
            "observed", LAYERS["observed"][0], f"{btc(movement.value)} BTC at {utc(movement.time)}"
        ),
        _fact(
            "inferred",
            LAYERS["inferred"][0],
            f"{rule_text(movement, run.method)}; {_counted(movement.hops, 'hop')}; "
            f"traced {btc(movement.traced)} BTC ({movement.traced:,} satoshi)",
        ),
        _fact("attributed", LAYERS["attributed"][0], _basis(movement)),
    ]
    if movement.conflicts:
        lines = [element("div", element("bdi", text)) for text in movement.conflicts]
        facts.append(_fact("attributed", "Labels that disagree", join(*lines)))
    names = "; ".join(ALTERNATIVES[key].name for key in alternatives_of(movement))
    facts.append(join(element("dt", "Other explanations"), element("dd", names)))
    return element(
        "section",
        element("h3", f"{number}. {_direction(movement)}, {reference(run.network, movement)}"),
        element("ol", *(_step(subjects, movement, step) for step in movement.path), class_="path"),
        element("dl", *facts),
        class_="movement",
    )


def _fact(layer: str, name: str, text: str) -> Html:
    """Return a term in the colour of its layer, and its text."""
    return join(element("dt", name, class_=f"tag {layer}"), element("dd", text))


def _basis(movement: Movement) -> Html:
    """Say who calls the address the exchange's, and how sure."""
    basis = movement.basis
    size = "" if basis.cluster_size is None else f" of {basis.cluster_size:,} addresses"
    how = "" if basis.kind == "own" else f", inherited through a cluster{size}"
    return join(
        _name(movement.entity),
        ", category ",
        element("bdi", movement.category),
        ": label on ",
        element("span", basis.address, class_="mono"),
        f"{how}; source ",
        element("bdi", basis.source),
        ", label set ",
        element("bdi", basis.label_set),
        f"; confidence {basis.confidence} of 100, ",
        element("bdi", basis.confidence_words),
    )


def _step(subjects: frozenset[str], movement: Movement, step: Step) -> Html:
    """Return one output of a path."""
    mark = ""
    if (step.txid, step.vout) == (movement.txid, movement.vout):
        mark = " · this movement"
    elif step.address in subjects or f"{step.txid}:{step.vout}" in subjects:
        mark = " · asked about"
    return element(
        "li",
        _mono(f"{step.txid}:{step.vout}"),
        element("strong", mark),
        element(
            "span",
            f"{utc(step.time)} · {btc(step.value)} BTC to ",
            _mono(_where(step)),
            class_="small",
        ),
    )


def _limits(run: RunInfo, pack: Pack) -> Html:
    """Explain each inference that was used, then what holds always."""
    used = {key for movement in pack.movements for key in inferences_of(movement, run.method)}
    blocks = [
        element(
            "div",
            element(
                "h3",
                inference.name[0].upper() + inference.name[1:],
                element("span", LAYERS[inference.layer][0], class_=f"tag {inference.layer}"),
            ),
            element("p", element("strong", "Rests on: "), inference.rests_on),
            element("p", element("strong", "Does not show: "), inference.shows_not),
        )
        for key, inference in INFERENCES.items()
        if key in used
    ]
    blocks += [element("div", element("h3", note.name), element("p", note.text)) for note in ALWAYS]
    return element("div", *blocks, class_="limits")


def _alternatives(pack: Pack) -> Html:
    """Explain the other explanations that stand beside the movements."""
    used = {key for movement in pack.movements for key in alternatives_of(movement)}
    return element(
        "div",
        *(
            element(
                "div", element("h3", note.name[0].upper() + note.name[1:]), element("p", note.text)
            )
            for key, note in ALTERNATIVES.items()
            if key in used
        ),
        class_="limits",
    )


def _rests(
    walks: Sequence[Walk], packs: Sequence[Pack], asked_name: str, other_name: str
) -> Iterable[Html]:
    """Account for every satoshi of each walk."""
    yield element(
        "p",
        "Every satoshi put into a walk is in exactly one row. What was not followed is "
        "not a statement that nothing is there.",
        class_="quiet",
    )
    for walk in walks:
        asked = requested(packs, walk)
        parts = {
            asked_name: asked,
            other_name: walk.services - asked,
            **{name: walk.parts[key] for key, name in _PART_NAMES.items() if key in walk.parts},
        }
        rows = [
            element("tr", element("th", name, scope="row"), *_both(value))
            for name, value in parts.items()
        ]
        rows.append(
            element("tr", element("th", "Total", scope="row"), *_both(walk.total), class_="total")
        )
        head = element(
            "tr",
            element("th", "Where it ended", scope="col"),
            element("th", "BTC", scope="col", class_="n"),
            element("th", "Satoshi", scope="col", class_="n"),
        )
        yield _table("facts", _WALK_NAMES[walk.direction] + ".", head, rows)


def _exchange_table(packs: Sequence[Pack]) -> Html:
    """Return one row an exchange and direction."""
    head = element(
        "tr",
        element("th", "Exchange and directory", scope="col"),
        element("th", "Direction", scope="col"),
        element("th", "Movements", scope="col", class_="n"),
        element("th", "Value of the outputs", scope="col", class_="n"),
        element("th", "of which traced", scope="col", class_="n"),
        element("th", "First to last (UTC)", scope="col"),
    )
    rows = []
    for pack in packs:
        for direction, name in _directions("", ""):
            sums = pack.sums(direction)
            if not sums.count or sums.first is None or sums.last is None:
                continue
            rows.append(
                element(
                    "tr",
                    element(
                        "th",
                        _name(pack.entity),
                        element("span", f"{pack.slug}/", class_="small mono"),
                        scope="row",
                    ),
                    element("td", name),
                    element("td", f"{sums.count:,}", class_="n"),
                    _amount(sums.value),
                    _amount(sums.traced),
                    element("td", f"{_day(sums.first)} to {_day(sums.last)}", class_="nowrap"),
                )
            )
    return _table("exchanges", "What was found at each exchange.", head, rows)


def _run_facts(run: RunInfo) -> Html:
    """Return what another person needs to compute the same answer again."""
    limits = "; ".join(
        f"{name} {'none' if value is None else value}" for name, value in sorted(run.limits.items())
    )
    label_sets = [
        element("div", element("bdi", s.name), " ", element("span", s.sha256, class_="mono"))
        for s in run.label_sets
    ]
    facts = (
        ("Program", f"Clewline {run.version}"),
        ("Network", run.network),
        ("Tip", join(f"height {run.tip.height:,}, {utc(run.tip.time)}, ", _mono(run.tip.hash))),
        ("Store digest", _mono(run.store_digest)),
        ("Method", INFERENCES[run.method].name),
        ("Parameters", limits or "none"),
        ("Label sets and SHA-256", join(*label_sets) if label_sets else "none"),
        ("Schema and checks", "The same data gives the same bytes; manifest.json lists SHA-256."),
    )
    return element(
        "dl", *(join(element("dt", name), element("dd", value)) for name, value in facts)
    )


def _table(class_: str, caption: str, head: Html, rows: Iterable[Html]) -> Html:
    """Return a table with its caption, in a box that scrolls where the window is narrow."""
    table = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *rows),
        class_=class_,
    )
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _directions(deposit: str, withdrawal: str) -> tuple[tuple[Direction, str], ...]:
    """Return both directions with the words a row begins with."""
    return (
        ("deposit", f"Deposits {deposit}".strip()),
        ("withdrawal", f"Withdrawals {withdrawal}".strip()),
    )


def _direction(movement: Movement) -> str:
    """Say which way the money went, to the exchange that reads it."""
    return "Deposit to you" if movement.direction == "deposit" else "Withdrawal from you"


def _where(output: Movement | Step) -> str:
    """Return the address of an output, or what it has instead."""
    if output.address:
        return output.address
    return f"script {output.script}" if output.script else "no address"


def _amount(satoshi: int) -> Html:
    """Return a cell with BTC and satoshi, both exact."""
    return element(
        "td",
        f"{btc(satoshi)} BTC",
        element("span", f"{satoshi:,} sat", class_="small"),
        class_="n",
    )


def _both(satoshi: int) -> tuple[Html, Html]:
    """Return two cells: BTC and satoshi."""
    return element("td", btc(satoshi), class_="n"), element("td", f"{satoshi:,}", class_="n")


def _name(entity: str) -> Html:
    """Return the name of an exchange, apart from the direction of the text around it."""
    return element("bdi", entity or _NO_NAME)


def _mono(text: str) -> Html:
    """Return an identifier."""
    return element("span", text, class_="mono")


def _clock(seconds: int) -> tuple[Html, Html]:
    """Return day and time of day on two lines."""
    day, clock = utc(seconds).rstrip("Z").split("T")
    return element("span", day, class_="nowrap"), element("span", clock, class_="small")


def _day(seconds: int) -> str:
    """Return the day."""
    return utc(seconds)[:10]


def _when(seconds: int) -> str:
    """Return day and time as people read them."""
    return f"{utc(seconds).rstrip('Z').replace('T', ' ')} UTC"


def _counted(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
