"""The accuracy page: results as Markdown, a section a heuristic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

SECTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "multi-input": (
        "Clusters by the multi-input rule. A false merge is a cluster of two or more scripts of "
        "known owners that are not one owner's.",
        "PayJoin cannot be told apart and merges payer and payee; none is in these sets. Services "
        "that sign for many customers (custodial sharing) are one cluster by design. Addresses of "
        "an owner that were never spent together stay apart.",
    ),
    "change": (
        "Change outputs, linked where their probability is at least 0.95. Links are opt-in "
        "(`--with-change`); default clusters have none. Found is the share of all change outputs "
        "that got a link. Below, the clusters that these links would make.",
        "The habits of wallet software (version, lock time, fees, next spend) are nearly silent in "
        "made-up and regtest chains, where all software is one: their weights are small for that "
        "reason, and say nothing of mainnet today. Real blocks tell change only where it was "
        "later spent together with other coins of its owner, and the real sets are small and of "
        "the first years. In made-up cases a payee of the same script type is rarer than among "
        "real ones. "
        "Payments to oneself count as no truth. Links are counted on transactions that neither "
        "weights nor calibration were fitted on; the clusters of `core-regtest` have all of its. "
        "Probabilities are calibrated on cases of 4,000 transactions. Where the mix of payments is "
        "another, they are off by what the curves of `sites` and `small-sites` show: there an "
        "interval is narrow and may leave out a probability that is off by little. They are "
        "furthest off between 0.60 and 0.80, where few outputs lie and which the fitted sets do "
        "not settle. How far they are off on mainnet nobody knows.",
    ),
    "whirlpool": (
        "Whirlpool mixes.",
        "Labels are researchers' heuristics over the same public shape.",
    ),
    "whirlpool-tx0": ("Whirlpool preparations, which mix nobody.", "As for Whirlpool."),
    "wasabi1": (
        "Wasabi 1 rounds.",
        "Labels are researchers' heuristics. Early rounds of other amounts than about 0.1 BTC are "
        "not among them.",
    ),
    "wasabi2": (
        "Wasabi 2 rounds.",
        "The emulated rounds follow the client's decomposition of amounts, not its choice of "
        "coins. Rounds of fewer than 14 inputs are not among them.",
    ),
    "joinmarket": (
        "JoinMarket CoinJoins. Recognised means that the transaction joins no cluster, whatever "
        "family it is named.",
        "No real JoinMarket transaction with a known truth is public; the emulated ones follow "
        "the makers' and takers' published rules, with sizes, fees and numbers of coins that are "
        "assumed. Of few participants with many coins some cannot be told from a payout.",
    ),
    "generic": (
        "CoinJoins of equal outputs of no known protocol.",
        "Nobody knows how many there are: recall is not measured.",
    ),
    "mweb": (
        "The transaction of a Litecoin block by which value enters and leaves the extension block: "
        "named by the type of its first output, which consensus reserves for it.",
        "Nothing to be measured: it is a rule of the chain, not a guess. What happens inside the "
        "extension block is not on the chain.",
    ),
    "dash": (
        "Mixes of Dash's wallet: named by amounts that it alone uses, with as much coming in as "
        "going out.",
        "No real Dash transaction with a known truth is public, and none is emulated: neither "
        "recall nor precision is measured. Whoever sends such amounts without a fee, which nodes "
        "do not pass on, is taken for a mix.",
    ),
    "credit-unlock": (
        "Withdrawals from the credit pool of Dash Platform: named by the type of the transaction.",
        "Nothing to be measured: it is a rule of the chain, not a guess. What happens inside the "
        "pool is not on the chain.",
    ),
    "credit-lock": (
        "Payments into the credit pool of Dash Platform: named by the type of the transaction.",
        "As for withdrawals.",
    ),
    "shielded": (
        "Zcash transactions with parts in shielded pools: told by their bytes.",
        "Nothing to be measured: it is a rule of the chain, not a guess. What happens inside the "
        "pools is not on the chain. That the transparent inputs of such a transaction are one "
        "owner's is the multi-input rule.",
    ),
    "look-alikes": (
        "Transactions of one owner that look like a CoinJoin, and are left out of clusters by "
        "mistake.",
        "How often each kind occurs on the chain differs; here each counts the same. Stonewalls "
        "are taken for a mix most often. The kinds were drawn up by those who wrote the rules.",
    ),
    "leads": (
        "Leads by behaviour. A receiver is a cluster with at least one payment by somebody else. "
        "Those without a part in the story are ordinary people, and sell nothing: each that is a "
        "lead is a false one. The second line counts everybody but the site and the exchanges, "
        "as a question about a case does. Look-alikes, the harmless services that METHODS §5 "
        "names, are asked about one by one: they do behave like the site, so that large ones "
        "*are* leads. That is why a lead is never a category. Prices are those of the made-up "
        "rates.",
        "Real receivers: no chain with known ones is public, so how many false leads there are "
        "among 100,000 of mainnet is not known. Ordinary people of a made-up case trade less, and "
        "less variously, than real ones; shops, employers and miners are not among them. The site "
        "and each look-alike are one cluster, which real ones need not be: of a site in pieces "
        "each piece must show the signs by itself, and one of fewer than ten payments never does. "
        "There is one site a case, so that its interval is wide.",
    ),
    "payers": (
        "Payments to the site, asked about by one address that was seen on a page, with its "
        "cluster. A payment is right if each of its satoshi is led to the exchange and the very "
        "payout it came from, or to none where it came out of a CoinJoin. Buyers mix coins of two "
        "exchanges, share wallets and pay through friends.",
        "Labels name every hot and cold address of the exchanges: a payout of an address without "
        "one is walked through, and is not found or, worse, ends at another service. The truth of "
        "mixed coins is by FIFO, the convention by which the walk is asked too: the figures say "
        "that the walk is right, not that people think so. Payments of one buyer are alike, so "
        "that real uncertainty is larger than the intervals. PayJoin is not among them.",
    ),
    "cash-outs": (
        "Arrivals of the site's money at its accounts with exchanges, asked about as for payers; "
        "through peel chains. Rows that are no cash-out are arrivals at services of money that "
        "had left the site otherwise, such as refunds that a customer deposits.",
        "The same as for payers. The site sells at exchanges that are labelled, from a wallet of "
        "its own; cash-outs through unlabelled brokers or over other chains are not found.",
    ),
    "screening": (
        "Customers of the exchanges of a case, screened as `clewline screen customers` does, with "
        "the chain: each exchange's own transfers of the story, and 3,000 customers without a "
        "part in some 6,000 transfers. *All listed*: every address of the site, as after a "
        "seizure, with control established. *One in ten seen*: what a hotline saw, as mentions. A "
        "direct payer withdrew straight to the site; a cash-out account took its money in. In the "
        "first, payers who are a hit count as called so; in the second, where nobody can be more, "
        "those who are a lead. Cash-outs are leads here: money of the site that came over other "
        "addresses.",
        "Customers who pay through wallets of their own are no direct payers: `payers` counts "
        "them. Of transfers of customers without a part one in twenty is made up to be with a "
        "person of the story, buyers and their friends among them, which makes them leads more "
        "often than life would: how many there are at a real exchange is not known. There is one "
        "site a case, with a handful of accounts. What is not listed is found only through money.",
    ),
    "deposit-sweep": (
        "Deposit addresses of exchanges, recognised by their sweeps, among all scripts of a case. "
        "Only hot and cold wallets are labelled here, address by address: labels that reach whole "
        "clusters leave nothing to be inferred.",
        "All exchanges of a made-up case sweep many deposits at once into a wallet that pays out. "
        "Those that sweep addresses one by one are not found, by the rule. A wallet that only ever "
        "emptied several addresses into such a wallet looks the same; none is in these sets.",
    ),
    "peel": (
        "Peel chains of the site, followed from the first coin on. After a wrong turn all further "
        "steps are lost: they are counted as not followed, and what was followed instead, or after "
        "the end, as none of the chain.",
        "The site sells in six steps, to accounts whose deposit addresses are labelled through "
        "their clusters, which is a sign; others peel longer, and to nobody who is known. How "
        "often a run that begins at any coin is no peel chain is not counted.",
    ),
}
"""By anchor: what is counted, and what the figures do not cover."""


def render(results: Mapping[str, Any]) -> str:
    """Return the accuracy page.

    Parameters
    ----------
    results : mapping
        What `evaluate.evaluate` returned.

    Returns
    -------
    str
        Markdown without the note that it was generated.
    """
    parts = [
        "# Accuracy",
        "What each heuristic gets right, counted by `clewline evaluate` on data whose truth is "
        "known, with the 95 % interval of Wilson (1927). An interval says how sure the count is "
        "for *such data*; each section says what the data does not cover. Every explanation that "
        "Clewline gives names its section here.",
        "## Truth sets",
        _table(
            ("set", "what it is", "at hand"),
            (
                (f"`{one['name']}`", one["title"], "yes" if one["at_hand"] else "no")
                for one in results["sets"]
            ),
        ),
    ]
    for name, (counted, not_covered) in SECTIONS.items():
        lines = [one for one in results["shares"] if one["heuristic"] == name]
        parts += [f"## {name}", counted]
        if lines:
            parts.append(_shares(lines))
        else:
            parts.append("Not measured: no truth set at hand.")
        if name == "change" and results["calibration"]:
            parts += ["Probability said, and how often it came true:", _curve(results)]
        parts.append(f"Not covered: {not_covered}")
    parts += [
        "## Not measured at all",
        "Exposure, paths and common counterparties. Traces by FIFO, LIFO and haircut are "
        "conventions, exact by definition: they have no error rate.",
    ]
    return "\n\n".join(parts)


def _shares(lines: Iterable[Mapping[str, Any]]) -> str:
    """Return counted shares as a table."""
    return _table(
        ("measure", "set", "share", "95 % interval", "count", "goal", "met"),
        (
            (
                one["measure"],
                f"`{one['data']}`",
                "" if one["share"] is None else _per(one["share"], one["per"]),
                _interval(one["low"], one["high"], one["per"]),
                f"{one['count']:,} of {one['of']:,}",
                one["goal"],
                _met(one),
            )
            for one in lines
        ),
    )


def _met(one: Mapping[str, Any]) -> str:
    """Say whether a line reaches its goal."""
    if not one["goal"] or one["share"] is None:
        return ""
    relation, bound = one["goal"].split()
    share, wanted = float(one["share"]), float(bound)
    holds = {">=": share >= wanted, "<=": share <= wanted, "=": share == wanted}[relation]
    return "yes" if holds else "**no**"


def _curve(results: Mapping[str, Any]) -> str:
    """Return the calibration curve as a table."""
    return _table(
        ("set", "range", "outputs", "said, mean", "came true", "95 % interval", "within"),
        (
            (
                one["data"],
                f"{one['from']:.2f} to {one['to']:.2f}",
                f"{one['outputs']:,}",
                f"{one['said']:.3f}",
                f"{one['true']:.3f}",
                f"{one['low']:.3f} to {one['high']:.3f}",
                "yes" if one["low"] <= one["said"] <= one["high"] else "**no**",
            )
            for one in results["calibration"]
        ),
    )


def _per(share: float, of: int) -> str:
    """Return a share in percent, or as so many of a larger number."""
    return f"{100 * share:.2f} %" if of == 100 else f"{of * share:.1f} in {of:,}"


def _interval(low: float, high: float, of: int) -> str:
    """Return both ends of an interval, as `_per` does."""
    if of == 100:
        return f"{_per(low, of)} to {_per(high, of)}"
    return f"{of * low:.1f} to {_per(high, of)}"


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = (headings, tuple("---" for _ in headings), *rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
