"""Lists of other tools: columns named by a person, rows read one by one, kept apart."""

from __future__ import annotations

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from tests.desk import planted
from tests.desk.conftest import World

from clewline.desk.cases.models import Case
from clewline.desk.money.lists import FIELDS, guess, header_of, read_list
from clewline.desk.money.models import CaseRow, ImportedList, ImportedRow
from clewline.errors import UsageError

TXID = "ab" * 32
LIST = (
    "Tx hash;Output index;Deposit address;Date;BTC;Exchange\n"
    f"{TXID};1;bc1qmadeup;31.01.2026 12:30;0.00150000;Exchange A (made up)\n"
    "nonsense;1;x;yesterday;1,5;Exchange A (made up)\n"
    f"{TXID.upper()};2;;2026-02-01T00:00:00+02:00;2;Exchange B (made up)\n"
)


@pytest.fixture
def case(world: World) -> Case:
    """A case of the investigator."""
    return planted.case_of(world.person("investigator"), world.team)


@pytest.fixture
def client(world: World) -> Client:
    """Return the browser of the investigator."""
    return world.client(world.person("investigator"))


def test_a_list_is_read_shown_and_kept(client: Client, case: Case) -> None:
    url = f"/cases/{case.ref}/money/import/"
    form = {"tool": "Tracer (made up)", "text": LIST}
    shown = client.post(url, {**form, "read": "1"}).content
    assert b"Import 2 rows" in shown and b"txid: 64 hex digits" in shown
    assert not ImportedList.objects.exists()
    columns = {f"column_{field}": column for field, column in guess(header_of(LIST)).items()}
    reply = client.post(url, {**form, **columns, "import": "1"})
    made = ImportedList.objects.get()
    assert reply["Location"] == f"/lists/{made.ref}/"
    assert (made.refused, made.rows.count()) == (1, 2)
    first, second = made.rows.order_by("line")
    assert (first.outpoint, first.amount, first.line) == (f"{TXID}:1", 150_000, 2)
    assert second.moved_at is not None
    assert second.moved_at.isoformat() == "2026-01-31T22:00:00+00:00"
    shown = client.get(reply["Location"]).content
    assert b"Imported from Tracer (made up), by north-investigator" in shown
    assert not CaseRow.objects.exists()
    assert client.post(url, {**form, **columns, "import": "1"}).status_code == 400  # once
    with pytest.raises(TypeError):
        ImportedRow.objects.earliest("id").save()


@pytest.mark.parametrize(
    "wrong",
    [
        {"tool": ""},
        {"text": "one column\nx"},
        {"text": "a,a\n1,2"},
        {"text": "a,b\n1,2"},  # neither output, transaction nor address
        {"column_address": "none such"},
        {"text": "address,b\ndata:image/png;base64,AAAA\n", "import": "1"},
    ],
)
def test_what_is_refused(client: Client, case: Case, wrong: dict[str, str]) -> None:
    form = {"tool": "x", "text": LIST, **wrong}
    assert client.post(f"/cases/{case.ref}/money/import/", form).status_code == 400
    assert not ImportedList.objects.exists()


@given(
    st.lists(st.lists(st.text(max_size=30), min_size=3, max_size=3), max_size=8),
    st.sampled_from(sorted(FIELDS)),
)
def test_any_text_is_read_or_refused(lines: list[list[str]], field: str) -> None:
    text = "a,b,c\n" + "\n".join(",".join(line) for line in lines)
    try:
        rows, problems = read_list(text, {"address": "a", field: "b"})
    except UsageError:
        return
    assert len(rows) + len(problems) <= text.count("\n") + text.count("\r") + 1
