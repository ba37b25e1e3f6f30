"""Write the pages of docs/ that state what a table in the code states.

``python docs/generate.py`` writes them; ``--check`` writes nothing and fails where a page is not
what the code says.
"""

from __future__ import annotations

import difflib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# The measures are no part of the package.
sys.path.append(str(HERE.parent))
WIDTH = 1000  # usage lines are not wrapped, whatever the terminal


def table(headings: tuple[str, ...], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; cells may hold any text."""
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in line) + " |"
        for line in lines
    )


def code(text: str) -> str:
    """Return text as a code span, nothing for nothing."""
    return f"`{text}`" if text else ""


def first_paragraph(text: str | None) -> str:
    """Return the summary of a docstring on one line."""
    return " ".join((text or "").split("\n\n")[0].split())


def errors_page() -> str:
    """List every error, grouped by kind."""
    from clewline import errors

    def rows(error: type[errors.ClewlineError]) -> Iterator[tuple[str, ...]]:
        summary = first_paragraph(error.__doc__)
        yield code(error.code), f"{error.exit_code}", f"{error.http_status}", summary
        for below in error.__subclasses__():
            yield from rows(below)

    parts = [
        "# Errors",
        "Each error has a code that does not change, an exit code for commands and an HTTP status "
        "for web answers. A command that is done exits with 0.",
    ]
    for kind in errors.ClewlineError.__subclasses__():
        parts += [
            f"## {kind.__name__}",
            table(("code", "exit code", "HTTP status", "meaning"), rows(kind)),
        ]
    return "\n\n".join(parts)


def settings_page() -> str:
    """List every setting."""
    from clewline.settings import SETTINGS

    return "\n\n".join(
        (
            "# Settings",
            "An option on the command line overrides the environment variable, which overrides "
            "the default.",
            table(
                ("setting", "environment variable", "default", "meaning"),
                (
                    (code(one.name), code(one.env), code(one.default or ""), one.help)
                    for one in SETTINGS
                ),
            ),
        )
    )


def format_page() -> str:
    """List every table and column of the store."""
    from clewline.store import schema

    def entries(table_name: str, column: schema.Column) -> str:
        rows = column.rows or table_name
        return f"{rows} + 1" if column.offsets else rows

    def dtype(column: schema.Column) -> str:
        if column.dtype.fields is None:
            return column.dtype.name + "".join(f"[{n}]" for n in column.shape)
        return ", ".join(
            f"{name} {field[0].base.name}" + "".join(f"[{n}]" for n in field[0].shape)
            for name, field in column.dtype.fields.items()
        )

    def section(tables: Iterable[schema.Table]) -> Iterator[str]:
        for one in tables:
            yield f"### {one.name}"
            yield f"{one.help} Order: {one.order}."
            yield table(
                ("column", "type", "unit", "entries", "null", "meaning"),
                (
                    (
                        code(f"{one.name}.{column.name}"),
                        dtype(column),
                        column.unit,
                        entries(one.name, column),
                        column.null,
                        column.help,
                    )
                    for column in one.columns
                ),
            )

    return "\n\n".join(
        (
            "# Store format",
            f"Version {schema.FORMAT_VERSION}. Every number is little-endian. *Entries* names the "
            "count that gives a column's length; a column of *n* + 1 entries holds offsets: row i "
            "owns the rows `[i] : [i + 1]` of the table that it points into.",
            "## Columns",
            "Canonical: the same chain gives the same bytes, however it was imported.",
            *section((*schema.TABLES, schema.SHIELDED)),
            "## Indexes",
            "Derived from the columns; they can be rebuilt.",
            *section(schema.INDEXES),
            "## A part of a chain",
            "`chain fetch` makes a store whose blocks are not all blocks. Block 0 bears the header "
            "of the genesis block and holds transactions that are known for their outputs alone, "
            "without inputs, in the order of their ids; the others are those that something is "
            "loaded of, by height, and the last is the tip. The manifest names its height and the "
            "SHA-256 of the file `coverage.<SHA-256>`: server and time, true heights, which "
            "outputs are known to be spent by none but loaded transactions, and how much is loaded "
            "of which address. `answers.sqlite` keeps what servers answered, and when, from whom "
            "and under which marking it was asked.",
        )
    )


def vocabulary_page() -> str:
    """List the words that labels and records may use."""
    from clewline import vocab

    def marks(category: vocab.Category) -> str:
        named = ("service", category.service), ("child protection", category.child_protection)
        return ", ".join(name for name, holds in named if holds)

    return "\n\n".join(
        (
            "# Vocabulary",
            "The words that label files and the records of the desk may use. An unknown word is "
            "refused.",
            "## Categories",
            "A trace stops at a *service*: what happens inside is not on the chain. Labels of "
            "*child protection* are shown before all others.",
            table(
                ("category", "title", "marks", "wider", "also written", "meaning"),
                (
                    (
                        code(one.id),
                        one.title,
                        marks(one),
                        code(one.broader),
                        ", ".join(code(name) for name in one.synonyms),
                        one.description,
                    )
                    for one in vocab.categories().values()
                ),
            ),
            "## Confidence",
            table(
                ("confidence", "level", "how the source knows"),
                ((code(c.id), f"{c.level}", c.description) for c in vocab.confidences().values()),
            ),
            "## Label types",
            table(
                ("type", "title", "meaning"),
                ((code(t.id), t.title, t.description) for t in vocab.label_types().values()),
            ),
            "## Fields of records",
            "Fields of sightings and payment options whose words are a closed list; the API takes "
            "the words, people see the titles.",
            table(
                ("field", "title", "words"),
                (
                    (
                        code(field.id),
                        field.title,
                        "; ".join(f"{code(word)} {title}" for word, title in field.words.items()),
                    )
                    for field in vocab.record_fields().values()
                ),
            ),
        )
    )


def inferences_page() -> str:
    """List every inference with its limits, the shapes of CoinJoins and the signs of change."""
    from clewline.engine.heuristics.change import SIGNS
    from clewline.engine.heuristics.coinjoin import RULES
    from clewline.reports.limits import ALTERNATIVES, ALWAYS, INFERENCES, LAYERS

    return "\n\n".join(
        (
            "# Inferences and their limits",
            "What Clewline concludes, from what, and what a reader may not conclude. Request packs "
            "print these texts wherever an inference was used.",
            table(("layer", "meaning"), LAYERS.values()),
            "## Inferences",
            table(
                ("inference", "layer", "what it rests on", "what it does not show"),
                (
                    (one.name, LAYERS[one.layer][0], one.rests_on, one.shows_not)
                    for one in INFERENCES.values()
                ),
            ),
            "## Other explanations",
            table(
                ("explanation", "meaning"),
                ((note.name, note.text) for note in ALTERNATIVES.values()),
            ),
            "## Limits that always hold",
            table(("limit", "meaning"), ((note.name, note.text) for note in ALWAYS)),
            "## CoinJoin shapes",
            "Transactions of these shapes do not put addresses together, and traces stop at them, "
            "but for preparations, which mix nobody, and for shielded parts, at which traces stop "
            "but whose inputs are one owner's. How often each is right: "
            "[ACCURACY.md](ACCURACY.md).",
            table(
                ("shape", "mixes owners", "rule", "source"),
                (
                    (
                        rule.title,
                        "yes" if rule.family.mixes_owners else "no",
                        rule.text,
                        rule.source,
                    )
                    for rule in RULES
                ),
            ),
            "## Signs of change",
            "Which output of a payment goes back to whoever paid. Each sign speaks for an output, "
            "against it, or says nothing; together they make a probability "
            "([ACCURACY.md](ACCURACY.md#change)). Links by change are opt-in and never part of "
            "the default clusters.",
            table(
                ("sign", "speaks for an output that", "speaks against one that", "why", "source"),
                (
                    (code(one.name), one.speaks_for, one.speaks_against, one.why, one.source)
                    for one in SIGNS
                ),
            ),
        )
    )


def accuracy_page() -> str:
    """Show the results of the last evaluation, which docs/accuracy.json holds."""
    from clewline.evaluation.page import render

    return render(json.loads((Path(__file__).parent / "accuracy.json").read_text("utf-8")))


def cases_page() -> str:
    """Describe the tables of a case, with rows of a made-up one."""
    from clewline.engine.leads import LEAST_PAYMENTS, LEAST_SIGNS, SIGNS
    from clewline.workspace.cases import CASHOUT_COLUMNS, PAYER_COLUMNS

    paid, cashed = example_rows()

    def columns(meanings: dict[str, str]) -> str:
        return table(("column", "meaning"), ((code(n), m) for n, m in meanings.items()))

    return "\n\n".join(
        (
            "# The tables of a case",
            "`clewline case payers` and `clewline case cashouts` take the addresses of a site and "
            "answer the two questions of an investigation: who paid, and where the money was "
            "cashed out. `clewline case leads` ranks what behaves like a site. Nothing here says "
            "that a person is guilty: a row points to the place where a lawful request can be "
            "made.",
            "Every table adds up, to the satoshi, to what the addresses received; the key `law` "
            "says which parts. What is not followed is a part of its own. With `--cluster` the "
            "clusters of the addresses are taken in, but never that of an exchange which holds an "
            "address for the site: its other customers have nothing to do with it.",
            "Fiat figures come from a table that you supply: `--rates rates.csv` with the columns "
            "`time` (or `date`), `pair` (`BTC/USD`) and `rate`. A rate holds from its time on, for "
            "`--rate-hours`; where the nearest earlier one is older, there is no figure. Nothing "
            "is interpolated and nothing is fetched.",
            "## Payers",
            "`--since` and `--until` choose the payments; the walk back from them may leave the "
            "range. Rules: `fifo` and `lifo`, which keep satoshi apart.",
            columns(PAYER_COLUMNS),
            "A row of the made-up case:",
            f"```json\n{paid}\n```",
            "## Cash-outs",
            "`--since` and `--until` hold the walk, as in `clewline trace`. Rules: `fifo`, `lifo` "
            "and `haircut`.",
            columns(CASHOUT_COLUMNS),
            "A row of the made-up case:",
            f"```json\n{cashed}\n```",
            "## Leads",
            "Looked at are the addresses given, as one receiver, and the receivers that those who "
            f"paid them paid too. A lead has at least {LEAST_PAYMENTS} payments and {LEAST_SIGNS} "
            "of these signs, one of sales among them. It is a reason to look and never a category: "
            "gambling, tipping, donations, VPN and file-host subscriptions, vouchers and faucets "
            "behave like this too. Without rates, prices are compared in satoshi.",
            table(
                ("sign", "of sales", "rule"),
                ((sign.name, "yes" if sign.of_sales else "", sign.rule) for sign in SIGNS),
            ),
        )
    )


def example_rows() -> tuple[str, str]:
    """Return a row of each table, from the smallest made-up case."""
    from clewline.play import make_play
    from clewline.workspace import Rates, Workspace, import_blocks, import_labels

    with tempfile.TemporaryDirectory() as directory:
        made = make_play(Path(directory) / "case", 300, seed=1)
        store = Path(directory) / "store"
        import_blocks(store, made.blocks)
        import_labels(store, [made.labels], recorded=0)
        workspace, rates = Workspace.open(store), Rates.read(made.rates)
        purchases = json.loads(made.truth.read_text(encoding="utf-8"))["purchases"]
        site = [purchase["address"] for purchase in purchases]
        payments = workspace.payers(site, rates=rates)["payments"]
        rows = (
            next(row for row in payments if row["link"] != "none" and row["amount"] > 100_000),
            workspace.cashouts(site, rates=rates)["cashouts"][0],
        )
    paid, cashed = (json.dumps(row, indent=2) for row in rows)
    return paid, cashed


def packs_page() -> str:
    """List the columns of a request pack's sheet."""
    from clewline.reports.sheet import COLUMNS

    return "\n\n".join(
        (
            "# The sheet of a request pack",
            "`request.csv`, one row a movement. The exchange fills in the columns at the end.",
            table(
                ("column", "filled in by", "meaning"),
                (
                    (code(one.name), "the exchange" if one.answer else "Clewline", one.help)
                    for one in COLUMNS
                ),
            ),
        )
    )


def tables_page() -> str:
    """List the tables that are exchanged as Parquet, and the views for SQL."""
    from clewline.interop.schemas import BITCOIN_ETL, FLAT, TYPES, Field, TableSchema
    from clewline.interop.views import EXAMPLES, FUNCTIONS, VIEWS

    def rows(fields: Iterable[Field], above: str = "") -> Iterator[tuple[str, ...]]:
        for one in fields:
            marks = "always null" if one.lost else "needed" if one.needed else ""
            yield code(above + one.name), TYPES[one.type], marks, one.help
            yield from rows(one.fields, f"{above}{one.name}[].")

    def section(tables: Iterable[TableSchema]) -> Iterator[str]:
        for one in tables:
            yield f"### {one.name}"
            yield one.help
            yield table(("column", "type", "", "meaning"), rows(one.fields))

    return "\n\n".join(
        (
            "# Parquet tables and SQL",
            "Needs the extra `tables`: `pip install 'clewline[tables]'`.",
            "`clewline chain export --store S --table all --to DIR [--schema flat|bitcoin-etl]` "
            "writes `DIR/<table>.parquet`, all of it or nothing. `clewline chain import --store S "
            "--tables DIR` makes a new store from such a directory; a table may also be a "
            "directory of parts, `DIR/<table>/*.parquet`, read by name. Columns marked *needed* "
            "must be there for that; what is missing is named, all of it in one message. Other "
            "columns may be missing. Rows stand in chain order.",
            "An import checks proof of work and the links of the headers, the Merkle roots over "
            "the transaction ids, amounts, and that each input spends what is there and unspent. "
            "It cannot hash transactions, nor see witness commitments: a store from tables is as "
            "good as their source. Where Clewline wrote the tables, the digest must come out the "
            "same.",
            "## Schema flat",
            "The columns of the store ([FORMAT.md](FORMAT.md)), with counts in place of offsets "
            "and the owner beside each row. Exact: a store made from it has the same digest. "
            "Hashes stand in internal byte order.",
            *section(FLAT.tables.values()),
            "## Schema bitcoin-etl",
            "Blocks, and transactions with their inputs and outputs inside, as the tool "
            "bitcoin-etl writes them and the public Bitcoin data sets hold them. Times are UTC "
            "seconds, as in the tool's files; an import also takes timestamps, and amounts as "
            "decimals. *Always null* is what a store does not hold. Addresses follow the "
            "tool: Bitcoin Core until version 22 showed the hash of a bare key as its address. "
            "That is no identity; Clewline itself gives such scripts none.",
            "An import takes the size without witness data from the unlocking scripts. Where they "
            "are null, as in Clewline's own export, it follows from the virtual size for "
            "transactions without witness data, for coinbases and where all inputs are native "
            "witness programs, and for about half of the others; an import that meets one where "
            "it does not follow stops and says so. The flat schema has no such gap.",
            *section(BITCOIN_ETL.tables.values()),
            "## SQL",
            "`clewline sql QUERY --store S` answers one query that only reads, with DuckDB over "
            "the store's own columns. It can read the views below and nothing else: no file, no "
            "extension, no setting. Amounts are satoshi, times UTC, and ids those of "
            "[FORMAT.md](FORMAT.md). Rows come in the order that ORDER BY gives, and in none "
            "without it. Text (ids, scripts, addresses) is computed for the rows that a query "
            "touches: to find one transaction or address, ask for `tx = tx_of('…')` or "
            "`script = script_of('…')`, which use the indexes.",
            *(
                f"### {view.name}\n\n{view.help}\n\n"
                + table(("column", "meaning"), ((code(one.name), one.help) for one in view.columns))
                for view in VIEWS
            ),
            "### Functions",
            table(("function", "meaning"), ((code(one.name), one.help) for one in FUNCTIONS)),
            "### Examples",
            *(f"{title}:\n\n```sql\n{query}\n```" for title, query in EXAMPLES),
        )
    )


def chains_page() -> str:
    """List the chains, their networks, and what is different about each."""
    from clewline.codec.networks import NETWORKS, Network
    from clewline.sources.active_chain import shown

    coins = dict.fromkeys(network.coin for network in NETWORKS.values())

    def version(number: int) -> str:
        return f"{number:#06x}" if number > 0xFF else str(number)

    def addresses(network: Network) -> str:
        versions = version(network.p2pkh_version), version(network.p2sh_version)
        forms = [f"versions {' and '.join(versions)}"]
        if network.old_p2sh_version >= 0:
            forms.append(f"older {version(network.old_p2sh_version)}")
        if network.bech32_prefix:
            forms.append(f"{network.bech32_prefix}1…")
        if network.cashaddr_prefix:
            forms.append(f"{network.cashaddr_prefix}:…")
        return ", ".join(forms)

    def sections() -> Iterator[str]:
        for coin in coins:
            yield f"## {coin.name} ({coin.asset})"
            yield table(
                ("network", "magic", "genesis block", "addresses"),
                (
                    (
                        code(one.name),
                        code(one.magic.hex()),
                        code(shown(one.genesis)),
                        addresses(one),
                    )
                    for one in NETWORKS.values()
                    if one.coin == coin
                ),
            )
            rules = [
                ("largest amount", f"{coin.form.max_money // 100_000_000:,} {coin.asset}"),
                ("largest block", f"{coin.max_block_bytes:,} bytes"),
                ("proof of work", coin.proof_of_work.value),
                (
                    "rules for targets",
                    "checked"
                    if coin.checks_difficulty
                    else "not checked, but for the limit: the chain with the most work is chosen "
                    "by the targets that headers declare",
                ),
            ]
            yield table(("rule", "Clewline"), rules)
            if coin.differences:
                yield table(("different from Bitcoin", "what Clewline does"), coin.differences)

    return "\n\n".join(
        (
            "# Chains",
            "Chains that come from Bitcoin's code, and what is different about each. One store "
            "holds one network. Nodes, and some files, do not tell which: give `--network` with "
            "`clewline chain import` for all but Bitcoin. What is not done is refused with the "
            "reason. Amounts are in base units, 100,000,000 to a coin, and called *satoshi* "
            "everywhere.",
            "On all of them: a store built from a node over JSON-RPC equals one from its files "
            "(REST does not do for merged mining, nor for Zcash); from Parquet tables, proof of "
            "work other than SHA-256d is not checked; CoinJoin shapes are those of Bitcoin's "
            "protocols. Request packs, the tables of a case, and parts of a chain from Esplora "
            "servers, are for Bitcoin alone.",
            *sections(),
        )
    )


def addresses_page() -> str:
    """List the kinds of address that are recognised in text, and the chains that are not."""
    from clewline.intake.finding import MOST_NEAR_MISSES
    from clewline.intake.registry import KINDS, UNSUPPORTED, Kind, Strength

    def length(kind: Kind) -> str:
        one = kind.shortest == kind.longest
        return str(kind.shortest) if one else f"{kind.shortest}-{kind.longest}"

    def begins(kind: Kind) -> str:
        return "any of its characters" if len(kind.starts) > 20 else code(" ".join(kind.starts))

    return "\n\n".join(
        (
            "# Addresses in text",
            "What `clewline extract` and `clewline.intake.find` recognise. One text may be read in "
            "several ways; all are given, and none is chosen. Rows of test networks are read where "
            "they stand in one piece, not put together from pieces, and not proposed for slips. Of "
            "more than three pieces, only a strong checksum tells that they belong together, or a "
            "weak one after a beginning of two characters or more. At "
            f"most {MOST_NEAR_MISSES} different words of a text are looked at for slips; further "
            "ones that have the form of an address are named as not checked.",
            table(("strength", "meaning"), ((code(one.value), one.meaning) for one in Strength)),
            "## Kinds",
            table(
                ("chain", "kind", "network", "begins", "length", "checked", "strength"),
                (
                    (
                        *(one.chain, one.name, code(one.network), begins(one), length(one)),
                        *(one.rule, code(one.strength.value)),
                    )
                    for one in KINDS
                ),
            ),
            "## Not recognised",
            "Chains of which no row above speaks. Where their addresses have the form of another "
            "chain's, they are read as that chain's.",
            table(("chain", "why"), UNSUPPORTED.items()),
        )
    )


def pages_page() -> str:
    """List what is proposed of a pasted payment page, and by which words and forms."""
    from clewline.intake import contacts, page_text, terms
    from clewline.intake.marks import Mark, marks_of
    from clewline.intake.payment_uri import SCHEMES
    from clewline.intake.proposal import Certainty, ProposalKind

    def words(mark: Mark) -> str:
        return ", ".join((*mark.signs, *mark.words, *(code(one) for one in mark.marks)))

    def named(section: str, *columns: str) -> str:
        rows = (
            (mark.id, mark.title, *(str(getattr(mark, name)) for name in columns), words(mark))
            for mark in marks_of(section)
        )
        return table(("value", "what it is", *columns, "words and `marks`"), rows)

    forms: dict[str, list[str]] = {}
    for row in contacts.KINDS:
        forms.setdefault(row.kind, []).append(row.shown_as)
    return "\n\n".join(
        (
            "# Pages",
            "What `clewline.intake.read_page` proposes of a payment page that somebody pasted, as "
            "text or saved HTML, for a person to confirm. Nothing is stored or visited. Words are "
            "those of `intake/marks.yaml`; whole words count, in any case, in scripts of all "
            "languages that it has. What can be read in two ways says so and has both readings.",
            f"Of a page of more than {page_text.LARGEST:,} characters, or one that is binary, "
            "nothing is read: that is an error. Data URIs, base64 and media in hex are cut out and "
            "named; no byte of them is in the answer. HTML is read as a row of tags, in time that "
            "grows with its length alone. What says itself that it is hidden has the place "
            "`hidden`; what a style sheet hides is taken for shown.",
            "## Kinds of proposals",
            table(
                ("kind", "value", "from", "details"),
                ((code(one.value), one.means, one.found_in, one.told) for one in ProposalKind),
            ),
            table(("certainty", "meaning"), ((code(one.value), one.meaning) for one in Certainty)),
            "## Options",
            "One for each address, with the payment URIs that ask for it, and one for each rail "
            "that is not of coins. The price on its line is its own. Where prices and ways to pay "
            "take turns down the page, each has those that it takes turns with. Otherwise the "
            "prices of the page are `choices` of every option, with the tiers and periods beside "
            "them: no pair is invented.",
            "## Payment URIs",
            table(
                ("scheme", "chain", "source", "amount", "other parameters"),
                (
                    (
                        *(code(name), one.chains[0], one.source, code(one.amount)),
                        ", ".join(f"`{key}` ({called})" for key, called in one.names),
                    )
                    for name, one in SCHEMES.items()
                ),
            ),
            "## Currencies",
            named("currencies"),
            "## Networks beside an address",
            named("networks"),
            "## Periods",
            'Also a number or "per" with a unit of time, as many days as a period has.',
            named("periods"),
            "## Tiers",
            'Beside a price only. Also "plan B" and the like, and, as ambiguous, what stands '
            "before a price and a colon, or a heading above it.",
            named("tiers"),
            "## Rails",
            named("rails", "rail"),
            "## Processors",
            named("processors", "rail"),
            "## Contacts",
            table(("contact", "written as"), ((k, ", ".join(v)) for k, v in forms.items())),
            "## Credit",
            "Of a sentence on credit of the site, its place and which way of these it speaks of; "
            f"no word of it: {', '.join(name for name, _ in terms.EARNED)}.",
        )
    )


def indicators_page() -> str:
    """List what is found in the source of a page, and what is not used for linking."""
    from clewline.intake import likeness, sameness
    from clewline.intake.indicator_marks import load_marks
    from clewline.intake.indicators import ASIDE, KINDS

    marks = load_marks()
    services: dict[str, list[str]] = {}
    for mark in marks.marks:
        services.setdefault(mark.id, []).append(f"{mark.name}: {mark.source}")
    return "\n\n".join(
        (
            "# Indicators",
            "What the pasted source of a recorded page gives away of who runs it, for linking "
            "pages and for finding hosting mistakes. Nothing is looked up, no picture is "
            "touched, data URIs are passed over unread. There is deliberately no command for it: "
            "it would let the operator of a site check a page for leaks. It works only inside a "
            "record of a sighting, where it is written down who asked. Values are kept as keyed "
            "hashes.",
            "An indicator is a lead, not a proof: pages share templates, servers and helpers.",
            "## Kinds",
            table(
                ("kind", "what it is", "compared as"),
                ((code(one.id), one.meaning, one.value) for one in KINDS),
            ),
            "## Set aside",
            "These are shown with the reason, and not used for linking.",
            table(("why",), ((reason,) for reason in ASIDE.values())),
            f"Shared by everybody are {len(marks.shared_hosts)} hosts with all below them, "
            f"{len(marks.shared_addresses)} IP addresses and paths of well-known software: "
            f"`intake/indicator_marks.yaml`. {len(marks.tenants)} hosts rent out names "
            "below their own, so that one label more counts.",
            "## Accounts",
            table(
                ("id", "service, and where the form is documented"),
                ((code(name), "; ".join(lines)) for name, lines in services.items()),
            ),
            "## Likeness of wording",
            f"A wording is kept as a sketch of {4 * likeness.ORDERS} bytes, from which it cannot "
            f"be read: MinHash over runs of {likeness.SHINGLE} words, under a key. Words with "
            "digits in them (prices, dates, addresses) and very long ones all read as one. A text "
            f"of fewer than {likeness.FEWEST} different runs has no sketch. The likeness of two "
            f"sketches has a standard error of {0.5 / likeness.ORDERS**0.5:.3f} at most. An index "
            f"finds a wording again by {likeness.ORDERS // likeness.ROWS} bands of "
            f"{likeness.ROWS}, with this probability:",
            table(
                ("likeness", *(f"{tenth / 10:.1f}" for tenth in range(1, 10))),
                [("found", *(f"{likeness.found_with(n / 10):.3f}" for n in range(1, 10)))],
            ),
            "## Reasons",
            "What makes two pages look like one brand, or two brands like one group. A person "
            f"judges. What {sameness.COMMON} brands or more have is weak, whatever it is. Wording "
            f"is nearly the same from a likeness of {sameness.EQUAL_WORDING}, similar from "
            f"{sameness.ALIKE_WORDING}; price lists from {sameness.FEWEST_EQUAL_PRICES} prices in "
            f"common and a share of {sameness.EQUAL_PRICES} of all, or "
            f"{sameness.FEWEST_ALIKE_PRICES} and {sameness.ALIKE_PRICES}.",
            table(
                ("reason", "family", "strength", "what is the same", "what else explains it"),
                (
                    (code(row.id), row.family, row.strength, row.meaning, row.alternatives)
                    for row in sameness.TRAITS.values()
                ),
            ),
            "## Proposals",
            "The first row that fits. Reasons of one family count once; "
            f"{', '.join(sorted(sameness.LOOKS))} are looks.",
            table(
                ("proposal", "strength", "where there are"),
                ((row.proposal, row.strength, row.meaning) for row in sameness.VERDICTS),
            ),
        )
    )


def growth_page() -> str:
    """Show how imports grow, and what the whole chain takes."""
    import json

    from bench.growth import WHOLE_CHAIN, exponents, grown, limited

    measured = json.loads((HERE / "growth.json").read_text(encoding="utf-8"))
    rows, machine = measured["rows"], measured["machine"]
    last = rows[-1]
    limit = last["runs"][1]["limit"]
    small = last["runs"][-1]["limit"]
    costs = {
        "seconds, no limit": lambda row: limited(row, None)["seconds"],
        f"seconds, {limit >> 20:,} MiB": lambda row: limited(row, limit)["seconds"],
        "processor seconds": lambda row: limited(row, None)["cpu_seconds"],
        f"anonymous memory, {limit >> 20:,} MiB": lambda row: limited(row, limit)[
            "anonymous_bytes"
        ],
        "bytes of the store": lambda row: row["store_bytes"],
        "look-up of an address, p50": lambda row: row["lookups"]["lookup.address"]["p50_us"],
        "look-up of a transaction, p50": lambda row: row["lookups"]["lookup.transaction"]["p50_us"],
        "trace, p95": lambda row: row["traces"]["trace"]["p95_ms"],
    }
    powers = exponents(rows, costs)
    whole = WHOLE_CHAIN["transactions"]
    plan = {
        "hours of import, processor": grown(
            last, limited(last, None)["cpu_seconds"], whole, powers["processor seconds"]
        )
        / machine["cores"]
        / 3600,
        "hours of import, as under the smallest limit": grown(
            last, limited(last, small)["seconds"], whole, powers[f"seconds, {limit >> 20:,} MiB"]
        )
        / 3600,
        "GB of the store": grown(last, last["store_bytes"], whole, powers["bytes of the store"])
        / 1e9,
        "GB of disk while importing": grown(last, limited(last, small)["disk_bytes"], whole, 1)
        / 1e9,
        "GB of memory for clusters": 4 * WHOLE_CHAIN["scripts"] / 1e9,
    }

    def runs() -> Iterator[tuple[str, ...]]:
        for row in rows:
            for run in row["runs"]:
                yield (
                    f"{row['transactions']:,}",
                    f"{run['limit'] >> 20:,} MiB" if run["limit"] else "none",
                    f"{run['seconds']:.1f}",
                    f"{run['seconds'] / row['floor_seconds']:.2f}",
                    f"{row['transactions'] / run['seconds']:,.0f}",
                    f"{run['anonymous_bytes'] / 2**20:,.0f}",
                    f"{run['disk_bytes'] / 1e9:.2f}" if run["disk_bytes"] else "not looked at",
                    f"{row['store_bytes'] / 1e9:.2f}",
                )

    return "\n\n".join(
        (
            "# Growth",
            "What `make bench-scale` measured: made-up chains of three sizes, each imported as a "
            "process from its block files, without a limit and under `--memory`. Memory is "
            "anonymous resident memory of the process tree; mapped pages of files are the "
            "system's to take back. The digest was the same under every limit. The floor is "
            "double SHA-256 of each transaction through hashlib, on one core, in the same run.",
            f"Machine: {machine['processor']}, {machine['cores']} cores, "
            f"{machine['memory_bytes'] / 1e9:.0f} GB; Python {machine['python']}, NumPy "
            f"{machine['numpy']}, Numba {machine['numba']}.",
            table(
                (
                    "transactions",
                    "limit",
                    "seconds",
                    "x floor",
                    "transactions/s",
                    "peak memory, MiB",
                    "peak disk, GB",
                    "store, GB",
                ),
                runs(),
            ),
            "## Exponents",
            "The best fit of cost = a n^b over the sizes. An import that grows as n log n has b "
            "near 1.05 here; a look-up that does not grow with the chain has b near 0.",
            table(("cost", "b"), ((name, f"{power:.2f}") for name, power in powers.items())),
            "## Plan for the whole chain",
            f"Bitcoin in 2026: about {whole / 1e9:.1f} billion transactions, "
            f"{WHOLE_CHAIN['inputs'] / 1e9:.1f} billion inputs and outputs each, "
            f"{WHOLE_CHAIN['scripts'] / 1e9:.1f} billion scripts, "
            f"{WHOLE_CHAIN['block_bytes'] / 1e9:,.0f} GB of blocks. Computed from the figures of "
            "the largest size with the exponents above, for this machine; not measured. Real "
            "transactions and a disk that is slower than the blocks are read change it.",
            table(("what", "estimate"), ((name, f"{value:,.1f}") for name, value in plan.items())),
        )
    )


def commands_page() -> str:
    """List every command with its arguments and options."""
    import typer

    from clewline.cli import app

    # Typer carries its own copy of Click, which has no public types.
    def section(command: Any, name: str) -> Iterator[str]:
        below = getattr(command, "commands", None)
        if command.hidden:
            return
        if below is not None:
            yield f"## {name}" if " " in name else f"# {name}"
            yield command.help or ""
            for word in sorted(below, key=lambda word: (hasattr(below[word], "commands"), word)):
                yield from section(below[word], f"{name} {word}")
            return
        context = command.context_class(
            command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH
        )
        usage = " ".join(command.get_usage(context).removeprefix("Usage: ").split())
        yield f"{'#' * len(name.split())} {name}"
        yield f"```\n{usage}\n```"
        yield command.help or ""
        records = [parameter.get_help_record(context) for parameter in command.params]
        shown = [(code(" ".join(record[0].split())), record[1]) for record in records if record]
        if shown:
            yield table(("argument or option", "meaning"), shown)

    parts = section(typer.main.get_command(app), "clewline")
    return "\n\n".join(part.replace("\b\n", "").strip() for part in parts if part.strip())


Page = Callable[[], str]


def roles_page() -> str:
    """List roles, and which of them may do which action at the desk."""
    from clewline.desk.roles import ACTIONS, ALONE, ROLES, Role

    alone = " and ".join(sorted(ALONE))
    return "\n\n".join(
        (
            "# Roles",
            "Who may do what at the desk (`desk/roles.py`). A role says what a person may do at "
            "all; which records, their teams say, and of cases who is a member. What a person may "
            "not know of is *not found*, in the same bytes as what does not exist; what their role "
            "does not do is *forbidden*. Each call leaves a row in the audit log, refused ones "
            "too. A test asks every page and every operation of the API as every role, for its "
            "own, a colleague's and another team's record (`tests/desk/test_matrix.py`).",
            f"{alone.capitalize()} each go with no other role: who runs or checks the desk does "
            "not read its records.",
            table(("role", "what it is for"), ((str(role), text) for role, text in ROLES.items())),
            "## Actions",
            "The name stands in the audit log and is a scope of API tokens: a token does what its "
            "owner's roles allow, and of that its scopes ([API.md](API.md)).",
            table(
                ("action", "what it is", *map(str, Role)),
                (
                    (
                        code(one.name),
                        one.help,
                        *("yes" if role in one.roles else "" for role in Role),
                    )
                    for one in sorted(ACTIONS.values(), key=lambda one: one.name)
                ),
            ),
        )
    )


def policy_page() -> str:
    """List gates, fields, conditions and the rules that Clewline ships, by precedence."""
    from clewline import policy
    from clewline.policy.deciding import NO_RULE
    from clewline.policy.files import words_of
    from clewline.policy.model import CONDITIONS
    from clewline.policy.table import HEADINGS, rows

    shipped = policy.default()
    return "\n\n".join(
        (
            "# Policy",
            "Who is told what of a record (`policy/`). The same decision answers look-ups, alerts "
            "and exports. It is made of each field by itself: **release**, **ask** the originator, "
            "or **withhold**, always with the rule and its reason. Nothing is released that no "
            "rule releases.",
            "## What goes before what",
            "1. **Gates** hold under every policy and only take away. The first closed one "
            "decides.\n"
            "2. **Rules** that match and cover the field: those marked `always` first (none of "
            "them releases); then the rule that states more (each condition counts one, naming "
            "fields instead of `all` one more); of equal ones withhold before ask, ask before "
            "release; of those the one that stands first.\n"
            f"3. Where no rule is left: withhold (`{NO_RULE}`).",
            "More clearance never tells less: no rule can state the partner's clearance, only "
            "gates compare it. That, and the order above, is tested (`tests/policy`).",
            "## Gates",
            table(
                ("gate", "what comes of it", "when"),
                ((code(g.id), str(g.verdict), g.reason) for g in policy.GATES),
            ),
            "## Asking the originator",
            "The originator is the partner from whose file a record was made (*Received* at the "
            "desk); for one's own it is whoever recorded it. A look-up keeps the question, the "
            "answer, by whom, when and how it is known. Agreed, the fields that were asked for are "
            "told in that request alone; refused, they are withheld, and the reply is that of what "
            "is not known. A consent can be taken back: what is decided from then on withholds, "
            "and an answer that rests on it waits to be corrected. Alerts ask nobody: what asks is "
            "left out of them.",
            f"## The rules that Clewline ships: {shipped.name}, version {shipped.version}",
            "From `policy/default.yaml`, the most important first. An organisation puts a policy "
            "of its own before a second person at the desk.",
            table(HEADINGS, rows(shipped)),
            "## Writing a policy",
            "`clewline policy lint FILE` names every fault with its line and what is allowed "
            "there, `clewline policy table FILE` prints the table above, `clewline policy "
            "explain` says what becomes of one record and why, `clewline policy diff OLD NEW` "
            "what past look-ups and recipients of alerts would have been told differently.",
            "At the desk one person proposes a policy under **Partners**, *Policy*, with a higher "
            "version and a reason. Its page tries it on what the reader's teams answered and sent. "
            "An approver who did not propose it adopts it or turns it down; until then everything "
            "is answered as before. Every version stays, with who proposed and decided it, when "
            "and why.",
            table(
                ("condition", "what it is held against", "words"),
                (
                    (code(name), text, ", ".join(map(code, words_of(name))) or "any of that form")
                    for name, text in CONDITIONS.items()
                ),
            ),
            "### Fields",
            "A field that must be named is never released by `all`.",
            table(
                ("field", "what it is", "must be named"),
                ((code(f.id), f.title, "yes" if f.guarded else "") for f in policy.FIELDS.values()),
            ),
            "### Kinds of records",
            table(("kind", "what it is"), ((code(k), t) for k, t in policy.KINDS.items())),
        )
    )


def with_desk() -> None:
    """Set Django up on a desk that is gone again, unless there is one."""
    import django
    from django.conf import settings

    from clewline.desk.home import DeskHome

    if not settings.configured:
        with tempfile.TemporaryDirectory() as directory:
            DeskHome(Path(directory)).make()
            os.environ["CLEWLINE_DESK_HOME"] = directory
            os.environ["DJANGO_SETTINGS_MODULE"] = "clewline.desk.settings"
            django.setup()


def api_page() -> str:
    """List the operations of the desk's API and the fields that they take."""
    with_desk()
    from clewline.desk.accounts import services as accounts
    from clewline.desk.api import api, limits, repeats
    from clewline.desk.api import operations as listed

    schema = api.get_openapi_schema()
    shapes = schema["components"]["schemas"]

    def body_of(operation: dict[str, Any]) -> str:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        return content["schema"]["$ref"].rpartition("/")[2] if content else ""

    operations = [
        (path, method, operation, view)
        for path, method, view in listed()
        for operation in [schema["paths"][f"/api{path}"][method.lower()]]
    ]

    def type_of(field: dict[str, Any]) -> str:
        if "$ref" in field:
            return str(field["$ref"]).rpartition("/")[2]
        if "anyOf" in field:
            return " or ".join(type_of(one) for one in field["anyOf"])
        if "enum" in field:
            return "one of: " + ", ".join(code(word) for word in field["enum"] if word)
        if field.get("type") == "array":
            return f"list of {type_of(field['items'])}" + _bound(field, "maxItems", "rows")
        kind = str(field.get("format", field.get("type", "")))
        return kind + _bound(field, "maxLength", "characters") + _bound(field, "maximum", "at most")

    asked = sorted({body_of(operation) for _, _, operation, _ in operations} - {""})
    nested = [name for name in shapes if name.endswith("In") and name not in asked]
    parts = [
        "# The API of the desk",
        "For programs: HTTP with JSON under `/api`, guarded as the pages are. A person makes a "
        "token on the page of their account, with the scopes that it needs and a day on which it "
        "ends, and the program sends it: `Authorization: Bearer clw_…`. A cookie lets nobody in. A "
        "token does what its owner's roles allow ([ROLES.md](ROLES.md)), and of that its scopes. "
        "Each call leaves a row in the audit log.",
        "No answer holds a sealed field: a site's address is there as its fingerprint, of a "
        "contact its kind. There is no reveal for programs. What a token may not know of is not "
        "found, in the same bytes as what does not exist.",
        f"A token may ask {limits.PER_MINUTE} times a minute, in each process of the server; then "
        "it is answered with 429 and `Retry-After` in seconds. A body may have up to "
        f"{limits.LARGEST_BODY // 2**20} MB; a larger one is answered with 413. Lists go on at "
        "`next`.",
        f"A POST that changes something may carry `{repeats.HEADER}`, 16 to 200 random characters, "
        "a UUID for example. Sent again by the same token with the same address and body, it is "
        f"not done again: for {accounts.ANSWER_HOURS} hours it is answered as at first, and its "
        "row in the audit log says so. Of several at once one is done, and the others wait for its "
        "answer. With another request the key is refused with 422. What was refused is not "
        "remembered. Key and request are kept as hashes; the answer is sealed with what follows "
        "from the key, so keep the key as you keep the answer.",
        "Access keys of partners and links of invitations are shown once, on pages alone.",
        "The whole contract, with the shape of each answer, is `GET /api/openapi.json` "
        "(OpenAPI 3.1). An error is answered as `{code, message, where, hint}`; codes are those "
        "of [ERRORS.md](ERRORS.md), and `no-token` (401), `forbidden` (403), `not-found` (404), "
        "`bad-request` (400, 422), `too-large` (413), `too-many` (429).",
        "```\ncurl -H 'Authorization: Bearer clw_…' http://localhost:8000/api/me\n```",
        "## Operations",
        table(
            ("operation", "scope", "body", "what it does"),
            (
                (
                    code(f"{method} /api{path}"),
                    code(view.action.name),
                    code(body_of(operation)),
                    operation.get("description", ""),
                )
                for path, method, operation, view in operations
            ),
        ),
        "## Bodies",
        "Unknown fields are refused. A field with ? may be left out.",
    ]
    for name in [*asked, *nested]:
        shape = shapes[name]
        required = set(shape.get("required", ()))
        parts += [
            f"### {name}",
            table(
                ("field", "what it may be"),
                (
                    (code(field) + ("" if field in required else "?"), type_of(says))
                    for field, says in shape["properties"].items()
                ),
            ),
        ]
    return "\n\n".join(parts)


def _bound(field: dict[str, Any], key: str, word: str) -> str:
    """Say a bound of a field, if it has one."""
    return f", {field[key]:,} {word}" if key in field else ""


def sharing_page() -> str:
    """List the fields that partners get, the formats, and what each loses."""
    from clewline.sharing.formats import FORMATS
    from clewline.sharing.item import CLUE, FIELDS, LIST_FIELDS, NOT_FOR_EXCHANGES, SharedField

    def fields(rows: Iterable[SharedField]) -> str:
        return table(
            ("field", "always there", "meaning", "holds"),
            (
                (
                    code(one.name),
                    "yes" if one.core else "",
                    one.help,
                    ", ".join(map(code, one.words)) if 0 < len(one.words) < 20 else one.kind.value,
                )
                for one in rows
            ),
        )

    def section(name: str) -> Iterator[str]:
        one = FORMATS[name]
        yield f"### {one.title}"
        yield (
            f"`{name}`, files `*{one.extension}`, media type `{one.media_type}`. "
            + ("Whole lists and deltas." if one.deltas else "Whole lists only, no deltas.")
        )
        if one.losses:
            yield table(
                ("lost", "why"),
                (
                    (loss.what if " " in loss.what else code(loss.what), loss.why)
                    for loss in one.losses
                ),
            )
        else:
            yield "Nothing is lost."
        yield "\n".join(f"- {trap}" for trap in one.traps)

    return "\n\n".join(
        (
            "# What partners get, and in which form",
            "A partner gets a list: versions of it, or what changed since a version. An item is "
            "one payment address or option after policy decided. A field that is not there was "
            "not released, or is not known; a recipient cannot tell which. References are the "
            "recipient's own, and every identifier in a file is made from them, so that two "
            "recipients have nothing but the addresses to lay side by side.",
            f"Every item says: *{CLUE}*",
            "## An item",
            fields(FIELDS.values()),
            "The category is one of the [vocabulary](VOCABULARY.md). Exchanges get neither of "
            f"{', '.join(map(code, NOT_FOR_EXCHANGES))}.",
            "## A list",
            fields(LIST_FIELDS.values()),
            "A withdrawn item stays in the list, as withdrawn, for as long as there is a list.",
            "## Formats",
            "The same list gives the same bytes: times come from the list, never from the clock. "
            "What a format loses is a table in the code (`sharing/formats.py`), and tests hold "
            "that it is exactly what does not come back. Reading is strict and bounded: 64 MiB, "
            "32 levels, 100,000 items. A file of ours of which one part contradicts another is "
            "refused; of files of others, the addresses are read, `unknown` stands where a chain "
            "is not said, and what bears no TLP is taken as TLP:AMBER+STRICT.",
            *(part for name in FORMATS for part in section(name)),
            "## A taxonomy for MISP",
            "MISP has no words for payment pages. `sharing/misp_taxonomy.json` is a proposal in "
            "the form of misp-taxonomies: `payment-page` with the predicates `rail`, `period` and "
            "`visibility`, neutral, and free to take. Events carry the first two.",
        )
    )


def statistics_page() -> str:
    """List what the desk counts: unit, definition and version of each measure."""
    with_desk()
    from clewline.desk.figures.measures import COMMON, MEASURES
    from clewline.desk.figures.sheet import COLUMNS
    from clewline.desk.figures.suppression import DEFAULT

    return "\n\n".join(
        (
            "# Statistics",
            COMMON,
            "What is published keeps its numbers with the words below as they were then. A changed "
            "unit, definition or way of counting is a new version, and the page of years marks a "
            "break there. Counted are the records of one's own teams, and of nobody else.",
            table(
                ("measure", "title", "unit", "version", "by", "of", "definition"),
                (
                    (
                        code(one.id),
                        one.title,
                        one.unit,
                        str(one.version),
                        one.groups,
                        one.denominator,
                        one.definition,
                    )
                    for one in MEASURES
                ),
            ),
            "## What leaves the house",
            "The file (CSV) has the columns " + ", ".join(code(name) for name in COLUMNS) + ".",
            f"Counts from 1 to below {DEFAULT} (`CLEWLINE_DESK_SMALLEST_COUNT`) say *withheld*; "
            "zero is told. Where a line has a total, its smallest other cells are withheld with "
            "them until two or more are, which together are at least twice the threshold, so that "
            "no subtraction gives one of them back; where that cannot be, the total is withheld "
            "too. A line whose total is withheld in another line is withheld whole. The file has "
            "the year by group and each month as one number, and no month by group: a table with "
            "sums at two sides tells more than either. Quartiles are withheld where a count of "
            "their line is.",
            "Two files of one year that were taken at different times can be subtracted from each "
            "other. Give out what was published, and not the page of a year that goes on.",
        )
    )


def data_protection_page() -> str:
    """Return the template of an impact assessment, with what the desk itself says filled in."""
    from clewline import vocab
    from clewline.desk.retention.takes import STAYS, TAKEN
    from clewline.desk.roles import ROLES

    classes = vocab.retention_classes().values()
    columns = [
        (model.partition(".")[2], ", ".join(sorted(TAKEN[model])), ", ".join(sorted(STAYS[model])))
        for model in TAKEN
    ]
    return (
        (HERE / "data_protection.txt")
        .read_text("utf-8")
        .format(
            retention=table(
                ("class", "purpose", "months", "counted from", "basis", "our months, if others"),
                (
                    (one.title, one.purpose, str(one.months), one.counts_from, one.basis, "")
                    for one in classes
                ),
            ),
            columns=table(("record", "erasure takes", "the tombstone keeps"), columns),
            roles=table(
                ("role", "for", "who has it with us"),
                ((code(role), text, "") for role, text in ROLES.items()),
            ),
        )
        .rstrip()
    )


PAGES: dict[str, Page] = {
    "ACCURACY.md": accuracy_page,
    "ADDRESSES.md": addresses_page,
    "API.md": api_page,
    "CASES.md": cases_page,
    "CHAINS.md": chains_page,
    "COMMANDS.md": commands_page,
    "DATA-PROTECTION.md": data_protection_page,
    "ERRORS.md": errors_page,
    "FORMAT.md": format_page,
    "GROWTH.md": growth_page,
    "INDICATORS.md": indicators_page,
    "INFERENCES.md": inferences_page,
    "PACKS.md": packs_page,
    "PAGES.md": pages_page,
    "POLICY.md": policy_page,
    "ROLES.md": roles_page,
    "SETTINGS.md": settings_page,
    "SHARING.md": sharing_page,
    "STATISTICS.md": statistics_page,
    "TABLES.md": tables_page,
    "VOCABULARY.md": vocabulary_page,
}


def rendered(name: str) -> str:
    """Return a page as it must stand in docs/."""
    text = PAGES[name]()
    title, rest = text.split("\n\n", 1)
    return f"{title}\n\n*Generated by `make docs`; change the code, not this page.*\n\n{rest}\n"


def main(arguments: list[str]) -> int:
    """Write every page, or with ``--check`` compare; return 1 if a page is out of date."""
    stale = 0
    for name in PAGES:
        path, text = HERE / name, rendered(name)
        found = path.read_text(encoding="utf-8") if path.exists() else ""
        if found == text:
            continue
        if arguments == ["--check"]:
            lines = difflib.unified_diff(
                found.splitlines(), text.splitlines(), f"docs/{name}", "what the code says", n=0
            )
            print("\n".join(lines), file=sys.stderr)
            print(f"docs/{name} is out of date: run `make docs`", file=sys.stderr)
            stale += 1
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"wrote docs/{name}")
    return int(stale > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
