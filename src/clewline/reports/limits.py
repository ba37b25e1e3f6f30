"""What each inference shows and what it does not, in plain words; printed wherever it was used.

Readers are compliance officers, lawyers and courts. Every text says what was seen or assumed and
stops there: nothing says that a person did anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from clewline.errors import UsageError
from clewline.reports.case import Movement

Layer = Literal["observed", "inferred", "attributed", "lead"]

LAYERS: Final[dict[Layer, tuple[str, str]]] = {
    "observed": ("Observed fact", "Read off the block chain. Anybody with a copy can check it."),
    "inferred": ("Structural inference", "Computed from the chain by a stated rule."),
    "attributed": ("Attribution", "Asserted by a named source, with its confidence."),
    "lead": ("Behavioural lead", "A pattern worth a look. None is used in request packs."),
}
"""The four layers (METHODS §5): they never share a colour or a field."""

LOOK_ALIKES: Final = "look-alikes"
"""Section of the accuracy page on transactions that are, or are not, taken for a CoinJoin."""
LEADS: Final = "leads"
PAYERS: Final = "payers"
CASH_OUTS: Final = "cash-outs"
"""Its sections on the tables of a case."""
SCREENING: Final = "screening"
"""Its section on customers of an exchange."""


def accuracy_of(heuristic: str) -> str:
    """Return where the measured error rate of a heuristic stands.

    Parameters
    ----------
    heuristic : str
        Rule at a link, CoinJoin family, or table of a case.

    Returns
    -------
    str
        Page and section.

    Examples
    --------
    >>> accuracy_of("whirlpool_tx0")
    'docs/ACCURACY.md#whirlpool-tx0'
    """
    return f"docs/ACCURACY.md#{heuristic.replace('_', '-')}"


@dataclass(frozen=True)
class Inference:
    """One inference: its layer, its name in a sheet, what it rests on, what it does not show."""

    layer: Layer
    name: str
    rests_on: str
    shows_not: str


@dataclass(frozen=True)
class Note:
    """A titled paragraph."""

    name: str
    text: str


INFERENCES: Final[dict[str, Inference]] = {
    "direct": Inference(
        "inferred",
        "direct payment",
        "One transaction moves money between the address asked about and the exchange, with no "
        "other address in between.",
        "Who gave the order, what for, and whether the person knew what the address was.",
    ),
    "path": Inference(
        "inferred",
        "path of several transactions",
        "The money passed through addresses that no label names. Every step can be read off the "
        "chain.",
        "That one person held it all the way. Each address in between may be a change of owner; "
        "the more of them, the weaker the link between the account and the address asked about.",
    ),
    "multi_input": Inference(
        "inferred",
        "multi-input cluster",
        "Addresses whose coins are spent in one transaction are taken to have one owner, except "
        "where the transaction has the shape of a CoinJoin.",
        "Ownership itself. PayJoin transactions break the rule and look like ordinary ones, and "
        "a service that spends the coins of many customers together looks like one owner. "
        f"How often the rule errs: {accuracy_of('multi-input')}.",
    ),
    "fifo": Inference(
        "inferred",
        "FIFO",
        "Where a transaction mixes money, its inputs are taken to fill its outputs in order, "
        "first in, first out; the fee comes last.",
        "Where particular coins 'really' went: inside a transaction there is no such fact. FIFO is "
        "a convention that loses nothing and counts nothing twice. Another rule can give another "
        "amount, or another output.",
    ),
    "lifo": Inference(
        "inferred",
        "LIFO",
        "Where a transaction mixes money, its inputs are taken to fill its outputs last in, first "
        "out; the fee takes what is left.",
        "Where particular coins 'really' went: inside a transaction there is no such fact. LIFO is "
        "a convention that loses nothing and counts nothing twice. Another rule can give another "
        "amount, or another output.",
    ),
    "haircut": Inference(
        "inferred",
        "haircut (pro rata)",
        "Where a transaction mixes money, every output and the fee get their share in proportion "
        "to value.",
        "That an output holds exactly this money. A small share spreads to many outputs, "
        "so that unconnected people can show a trace of it. Another rule can give another amount.",
    ),
    "deposit": Inference(
        "inferred",
        "deposit address recognised by its sweeps",
        "Everything that was spent of an address without a label went into the wallet of one "
        "labelled service, at least once together with coins of other such addresses or of the "
        "wallet itself; and the service pays others out of where it went, or spent its own coin.",
        "That the service says so, or to whom the address was given. A customer who empties "
        "several addresses at once into an address that the service also pays out of looks the "
        "same. It is never stored as a label, and no request pack uses it.",
    ),
    "peel": Inference(
        "inferred",
        "peel chain",
        "A coin is split into a large and a small output, again and again; the large one is taken "
        "to be what the holder keeps. Signs that speak for it or against it stand at each step.",
        "Which output was kept: somebody who pays more than half of a coin keeps the smaller one. "
        "The number of signs is no probability. No request pack uses it.",
    ),
    "own_label": Inference(
        "attributed",
        "label on the address itself",
        "A named source says that the address belongs to the exchange.",
        "That the source is right or still up to date. The exchange can tell from its own records; "
        "if the address is not its own, that is a useful answer too.",
    ),
    "inherited_label": Inference(
        "attributed",
        "label inherited through a cluster",
        "A named source says that another address belongs to the exchange, and the cluster rule "
        "puts both addresses with one owner.",
        "That this address was ever named by anybody. If the label or the cluster is wrong, so is "
        "this. The exchange can tell from its own records.",
    ),
}
"""Inferences by key, in the order they are printed."""

ALTERNATIVES: Final[dict[str, Note]] = {
    "reassigned": Note(
        "deposit address given to somebody else",
        "Exchanges may give a deposit address to another customer. What matters is the holder at "
        "the time shown, not today's.",
    ),
    "holder": Note(
        "account used by somebody else",
        "The account holder may be a money mule, somebody whose account or identity was stolen, or "
        "a business that acts for customers of its own.",
    ),
    "passed_on": Note(
        "money passed on in between",
        "The money may have changed hands before or after this movement: a sale, a loan, a debt "
        "repaid, or a trade between two people.",
    ),
    "refund": Note(
        "refund",
        "The movement may be a refund or the return of a payment made by mistake, so that its "
        "direction says nothing of who offered and who bought.",
    ),
    "dusting": Note(
        "dusting",
        "Anybody can send a small amount to any address without being asked.",
    ),
    "shared": Note(
        "shared or business account",
        "One withdrawal can pay several people, and several people can use one account, "
        "as with payment processors, brokers and families.",
    ),
    "payjoin": Note(
        "PayJoin",
        "Payer and payee may both have put coins into a transaction. This cannot be told apart "
        "from an ordinary payment.",
    ),
}
"""Other explanations by key, in the order they are printed."""

ALWAYS: Final[tuple[Note, ...]] = (
    Note(
        "The answer names an account holder",
        "It does not say who used the account, or why, and nothing here says that a person did "
        "anything wrong. A result points to the place where a lawful request can be made.",
    ),
    Note(
        "A mention is not control",
        "That a page shows an address proves neither whose it is nor what it sells: anybody can "
        "print anybody's address, and a page may show that of a payment processor. Only "
        "established control (for example a test payment or a seizure) ties an address to a site.",
    ),
    Note(
        "CoinJoin stops the trace",
        "Transactions with the shape of a CoinJoin are not crossed. What entered them is a number "
        "below. Shapes can be missed, and ordinary payments can look like one.",
    ),
    Note(
        "PayJoin cannot be told apart",
        "A PayJoin looks like an ordinary payment by design. Where one was made, the amount and "
        "the owner of an input can be misread.",
    ),
    Note(
        "Complete up to this tip and these labels only",
        "Later blocks, other label sets or wider limits can add movements. An address without a "
        "label is walked through as if it were nobody's. What was not followed is a number below; "
        "not checked never means nothing there.",
    ),
    Note(
        "Times are those of block headers",
        "Miners write them; they may be off by up to two hours, and an exchange's own "
        "records show when it credited or approved a transfer, not when the block was made.",
    ),
)
"""Limits that hold for every pack."""

_USUAL_ALTERNATIVES: Final[dict[str, tuple[str, ...]]] = {
    "deposit": ("reassigned", "holder", "refund", "dusting"),
    "withdrawal": ("holder", "refund", "dusting", "shared"),
}


def structure_of(movement: Movement, method: str) -> tuple[str, ...]:
    """Return the keys of the structural inferences that a movement rests on.

    A payment of one hop that is traced whole needs no taint rule; everything else does.
    """
    keys = {"direct" if movement.hops == 1 else "path", *_known(movement.inferences, INFERENCES)}
    if movement.hops > 1 or movement.traced < movement.value:
        keys.add(method)
    if movement.basis.kind == "inherited":
        keys.add("multi_input")
    return tuple(key for key in INFERENCES if key in keys)


def inferences_of(movement: Movement, method: str) -> tuple[str, ...]:
    """Return the keys of all inferences a movement rests on, its label included."""
    label = "own_label" if movement.basis.kind == "own" else "inherited_label"
    keys = {*structure_of(movement, method), label}
    return tuple(key for key in INFERENCES if key in keys)


def alternatives_of(movement: Movement) -> tuple[str, ...]:
    """Return the keys of the other explanations to print beside a movement."""
    keys = {
        *_USUAL_ALTERNATIVES[movement.direction],
        *_known(movement.alternatives, ALTERNATIVES),
    }
    if movement.hops > 1:
        keys.add("passed_on")
    if "multi_input" in (*movement.inferences, *_inherits(movement)):
        keys.add("payjoin")
    return tuple(key for key in ALTERNATIVES if key in keys)


def rule_text(movement: Movement, method: str) -> str:
    """Say in a few words how the link is inferred.

    Returns
    -------
    str
        Names of `structure_of`, for example "direct payment" or "path of several
        transactions; FIFO".
    """
    return "; ".join(INFERENCES[key].name for key in structure_of(movement, method))


def basis_text(movement: Movement) -> str:
    """Say in one line why the exchange is taken to hold its side."""
    basis = movement.basis
    where = f"label set {basis.label_set}, source {basis.source}"
    if basis.kind == "own":
        return f"label on {basis.address} ({where})"
    size = "" if basis.cluster_size is None else f" of {basis.cluster_size:,} addresses"
    return f"label on {basis.address} ({where}), inherited through a cluster{size}"


def _inherits(movement: Movement) -> tuple[str, ...]:
    """Return the inference that an inherited label brings with it."""
    return ("multi_input",) if movement.basis.kind == "inherited" else ()


def _known(keys: Iterable[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """Return `keys`, or refuse one that no text explains."""
    found, known = tuple(keys), tuple(allowed)
    for key in found:
        if key not in known:
            raise UsageError(f"no text explains {key!r}; known are {', '.join(known)}")
    return found
