"""The made-up case seen from one exchange: who paid the site, who cashes out, who is what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from clewline.play import make_play
from clewline.play.books import Books, write_books
from clewline.screening.customers import Finding, Role, RollUp
from clewline.screening.running import Question, screened_batches
from clewline.workspace import Workspace, import_blocks, import_labels
from clewline.workspace.screening import make_screener, read_watchlist

EXCHANGE = "exchange_a"
SIZES = [
    pytest.param((2_000, 3_000, 20_000), id="small"),
    pytest.param((50_000, 1_000_000, 10_000_000), id="full", marks=pytest.mark.slow),
]


class Seen:
    """A case, the books of one exchange, the list of a seized site, and what was found."""

    def __init__(self, directory: Path, transactions: int, customers: int, transfers: int) -> None:
        made = make_play(directory / "case", transactions, seed=5)
        self.truth: dict[str, Any] = json.loads(made.truth.read_text("utf-8"))
        self.store = directory / "store"
        import_blocks(self.store, made.blocks)
        import_labels(self.store, [made.labels], recorded=0)
        self.workspace = Workspace.open(self.store)
        (site,) = [one for one in self.truth["entities"] if one["kind"] == "site"]
        self.site = {site["main"], *site["addresses"]}
        self.list = directory / "seized.csv"
        said = f"{site['name']},child_sexual_abuse,made-up police,90,control"
        lines = [f"{address},{said}" for address in sorted(self.site)]
        header = "address,entity,category,source,confidence,type\n"
        self.list.write_text(header + "\n".join(lines) + "\n")
        sales = {one["txid"] for one in self.truth["cashouts"] if one["exchange"] == EXCHANGE}
        senders = {
            tx["txid"]: tx["inputs"][0]["address"]
            for tx in self.workspace.transactions(sorted(sales))
        }
        self.books: Books = write_books(
            *(directory / "books.csv", self.truth, EXCHANGE, senders),
            customers=customers,
            transfers=transfers,
        )
        self.findings = self._screen(self.workspace)

    def _screen(self, workspace: Workspace | None) -> list[Finding]:
        screener = make_screener(read_watchlist([self.list]), Question(), workspace)
        gathered = RollUp(screener)
        with self.books.path.open("rb") as source:
            for _batch in screened_batches(screener, source, "books", take=gathered.add):
                pass
        return list(gathered.findings())


@pytest.fixture(scope="module", params=SIZES)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    transactions, customers, transfers = request.param
    return Seen(tmp_path_factory.mktemp("exchange"), transactions, customers, transfers)


def customers(found: list[Finding], *roles: Role, level: str | None = None) -> set[str]:
    return {one.customer for one in found if one.role in roles and level in (None, one.level)}


def test_every_customer_who_paid_the_site_is_found_and_nobody_else(seen: Seen) -> None:
    assert seen.books.paid
    assert customers(seen.findings, Role.PAID, level="hit") == seen.books.paid


def test_every_cash_out_account_is_found(seen: Seen) -> None:
    assert seen.books.cash_out
    assert seen.books.cash_out <= customers(seen.findings, Role.CASH_OUT)


def test_no_look_alike_customer_is_more_than_a_lead(seen: Seen) -> None:
    assert seen.books.look_alike
    hits = {one.customer for one in seen.findings if one.level == "hit"}
    assert not hits & seen.books.look_alike
    assert hits <= seen.books.paid | seen.books.cash_out


def test_direct_hits_are_those_of_a_join(seen: Seen) -> None:
    """DuckDB, which knows nothing of addresses: on canonical text both must say the same."""
    query = """
        SELECT DISTINCT customer FROM read_csv(?, all_varchar = true) AS books
        JOIN read_csv(?, all_varchar = true) AS listed USING (address) WHERE direction = 'out'
    """
    database = duckdb.connect()
    rows = database.execute(query, [str(seen.books.path), str(seen.list)]).fetchall()
    assert {name for (name,) in rows} == customers(seen.findings, Role.PAID, level="hit")


def test_same_bytes_twice(seen: Seen, tmp_path: Path) -> None:
    if seen.books.transfers > 100_000:
        pytest.skip("the small case shows it")
    again = write_books(
        *(tmp_path / "books.csv", seen.truth, EXCHANGE, {}),
        customers=3_000,
        transfers=100,
    )
    other = write_books(
        *(tmp_path / "other.csv", seen.truth, EXCHANGE, {}),
        customers=3_000,
        transfers=100,
    )
    assert again.path.read_bytes() == other.path.read_bytes()
