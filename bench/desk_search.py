"""``python -m bench.desk_search``: search at the desk with a million made-up sightings.

On SQLite in a temporary directory, or on the empty PostgreSQL database that CLEWLINE_DESK_DATABASE
names. Questions go through the service layer and, as people ask them, through the whole of Django.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine
from bench.line import Goal, emit, note, quantiles
from clewline.codec.address import encode_addresses
from clewline.codec.networks import BITCOIN, NETWORKS
from clewline.codec.script import script_kinds

_AT_ONCE = 20_000
_OPTIONS = 3
_MINE = 0.8
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)


def main() -> None:
    """Make the desk, fill it, ask."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk_search", description=__doc__)
    parser.add_argument("--sightings", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=300, help="questions of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="keep the desk here, and use it if it is there")
    asked = parser.parse_args()
    emit("machine", machine.describe())
    with tempfile.TemporaryDirectory(prefix="clewline-desk-bench-") as temporary:
        home = asked.home or Path(temporary) / "desk"
        set_up(home)
        from clewline.desk.accounts.models import User

        if not User.objects.exists():
            _fill(asked.sightings, np.random.default_rng(asked.seed))
        _measure(asked.sightings, asked.samples, np.random.default_rng(asked.seed + 1))


def set_up(home: Path) -> None:
    """Make a desk of which every record is made up, and its tables."""
    from clewline.desk.home import DeskHome

    DeskHome(home).make(play=True)
    os.environ["CLEWLINE_DESK_HOME"] = str(home.absolute())
    os.environ["DJANGO_SETTINGS_MODULE"] = "clewline.desk.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def addresses(count: int) -> list[str]:
    """Return distinct addresses of Bitcoin, the same each time."""
    chance = np.random.default_rng(7)
    scripts = chance.integers(0, 256, (count, 22), np.uint8)
    scripts[:, 0], scripts[:, 1] = 0, 20
    blob, starts = scripts.ravel(), np.arange(count + 1, dtype=np.int64) * 22
    network = next(one for one in NETWORKS.values() if one.coin == BITCOIN)
    kinds = script_kinds(blob, starts)
    return [str(address) for address in encode_addresses(blob, starts, kinds, network)]


def _fill(sightings: int, chance: np.random.Generator) -> None:
    """Insert teams, people and records in bulk, past the services."""
    from django.db import connection

    from clewline.desk.accounts.models import Organisation, Team, User
    from clewline.desk.ledger import index_of
    from clewline.desk.records.models import (
        Address,
        Attribution,
        Brand,
        KnownAddress,
        PaymentOption,
        Sighting,
        Withdrawal,
    )

    begin = time.perf_counter()
    organisation = Organisation.objects.create(name="Made up")
    teams = [Team.objects.create(organisation=organisation, name=name) for name in ("a", "b", "c")]
    people = []
    for team in teams:
        user = User.objects.create_user(
            f"analyst-{team.name}",
            organisation=organisation,
            roles=["analyst"],
            pseudonym=f"A-{team.pk:04}",
        )
        user.teams.add(team)
        people.append(user)
    texts = addresses(sightings * 6 // 10)
    insert(
        Address,
        {"chain": "BTC", "network": "main", "kind": "P2WPKH"},
        ({"id": i + 1, "canonical": text} for i, text in enumerate(texts)),
    )
    n_brands = max(sightings // 50, 2)
    insert(
        Brand,
        {"created_by": people[0]},
        (
            {
                "id": i + 1,
                "ref": f"B-{i:010}",
                "codename": f"Brand {i}",
                "team_id": teams[_team(i)].pk,
            }
            for i in range(n_brands)
        ),
    )
    seen = chance.integers(0, 6 * 365 * 86_400, sightings)
    brand = chance.integers(0, n_brands, sightings)

    def pages() -> Iterator[dict[str, Any]]:
        for i in range(sightings):
            whose = _team(i)
            at = _FIRST + timedelta(seconds=int(seen[i]))
            yield {
                "id": i + 1,
                "ref": f"S-{i:010}",
                "team_id": teams[whose].pk,
                "recorder_id": people[whose].pk,
                "key_id": f"{i:032x}",
                "observed_at": at,
                "recorded_at": at,
                "brand_id": int(brand[i]) // 5 * 5 + whose * 4 + 1 if n_brands > 10 else 1,
                "url_index": index_of("url", f"http://site{i}.example/"),
                "host_index": index_of("host", f"site{i % (sightings // 10)}.example"),
                "report_ref": f"RMS-{i}",
                "page_text_hash": f"{i:064x}",
                "rotation": uuid.UUID(int=i + 1),
                "supersedes_id": i if i % 50 == 49 else None,
            }

    insert(Sighting, {"neutral_summary": "Made up."}, pages())
    picked = (len(texts) * chance.random(sightings * _OPTIONS) ** 2).astype(np.int64)

    def options() -> Iterator[dict[str, Any]]:
        for i in range(sightings * _OPTIONS):
            contact = index_of("contact", f"handle{i // 40}") if i % 10 == 0 else None
            yield {
                "id": i + 1,
                "sighting_id": i // _OPTIONS + 1,
                "team_id": teams[_team(i // _OPTIONS)].pk,
                "position": i % _OPTIONS,
                "key_id": f"{i // _OPTIONS:032x}",
                "address_id": int(picked[i]) + 1,
                "contact_index": contact,
            }

    insert(PaymentOption, {"asset": "BTC"}, options())
    theirs = np.array([_team(i // _OPTIONS) for i in range(len(picked))])
    pairs = np.unique(picked * 2 + theirs).tolist()
    insert(
        KnownAddress,
        {},
        (
            {
                "id": i + 1,
                "team_id": teams[pair % 2].pk,
                "address_id": pair // 2 + 1,
                "canonical": texts[pair // 2],
            }
            for i, pair in enumerate(pairs)
        ),
    )
    insert(
        Withdrawal,
        {"reason": "made up", "by": people[0]},
        ({"id": i // 100 + 1, "sighting_id": i + 1} for i in range(0, sightings, 100)),
    )
    insert(
        Attribution,
        {"label": "Exchange (made up)", "source": "made up", "confidence": "unknown"},
        (
            {"id": i // 20 + 1, "address_id": i + 1, "team_id": teams[i % 2].pk, "by_id": 1}
            for i in range(0, len(texts), 20)
        ),
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    note(f"filled in {time.perf_counter() - begin:.0f} s")


def _team(i: int) -> int:
    """Return whose the i-th record is: four in five are the first team's."""
    return int(i % 5 >= _MINE * 5)


def insert(model: Any, same: dict[str, Any], rows: Iterator[dict[str, Any]]) -> None:
    """Insert rows: values of a template, and those that differ."""
    from django.db import connection, transaction

    template = model(**same)
    fields = {field.attname: field for field in model._meta.concrete_fields}
    settled = {
        name: field.get_db_prep_save(getattr(template, name), connection)
        for name, field in fields.items()
    }
    columns = [field.column for field in fields.values()]

    def values(row: dict[str, Any]) -> list[Any]:
        merged = dict(settled)
        for name, value in row.items():
            adapted = isinstance(value, datetime | uuid.UUID)
            field = fields[name]
            merged[name] = field.get_db_prep_save(value, connection) if adapted else value
        return [merged[name] for name in fields]

    names = ", ".join(f'"{column}"' for column in columns)
    table = model._meta.db_table
    note(f"inserting {model.__name__}")
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row([_plain(value) for value in values(row)])
            return
        marks = ", ".join(["%s"] * len(columns))
        statement = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'
        while some := [values(row) for row in islice(rows, _AT_ONCE)]:
            cursor.executemany(statement, some)


def _plain(value: Any) -> Any:
    """Return a value as COPY takes it."""
    from psycopg.types.json import Json, Jsonb

    if isinstance(value, Json | Jsonb):
        import json

        return json.dumps(value.obj)
    return value


def _questions(sightings: int, samples: int, chance: np.random.Generator) -> dict[str, list[str]]:
    """Return questions of each kind, drawn at random."""
    texts = addresses(sightings * 6 // 10)
    missing = addresses(len(texts) + samples)[len(texts) :]
    some = chance.integers(0, len(texts), samples).tolist()
    page = chance.integers(0, sightings, samples).tolist()
    return {
        "address": [texts[i] for i in some],
        "address_busy": [texts[i] for i in range(min(samples, len(texts)))],
        "address_upper": [texts[i].upper() for i in some],
        "address_unknown": missing,
        "beginning_5": [texts[i][:5] for i in some],
        "beginning_8": [texts[i][:8] for i in some],
        "beginning_unknown": [f"bc1qqq{i:04}qqq" for i in range(samples)],
        "site": [f"hxxp://site{i}[.]example/" for i in page],
        "host": [f"site{i % (sightings // 10)}.example" for i in page],
        "site_unknown": [f"https://none{i}.example/" for i in page],
        "contact": [f"@handle{i * _OPTIONS // 40}" for i in page],
        "reference": [f"S-{i:010}"[:7] + "-" + f"{i:010}"[5:] for i in page],
        "report": [f"RMS-{i}" for i in page],
        "hash": [f"{i:064x}" for i in page],
        "codename": [f"Brand {i // 50}" for i in page],
        "free_text": [f"Somebody Unknown {i}" for i in page],
    }


def _measure(sightings: int, samples: int, chance: np.random.Generator) -> None:
    """Ask each kind of question, one by one, and lists."""
    from unittest import mock

    from django.db import connection
    from django.test import Client

    from clewline.desk.accounts.models import User
    from clewline.desk.search.queries import answer
    from clewline.desk.search.reading import read

    questions = _questions(sightings, samples, chance)
    lists = _lists(questions, chance)
    client = Client(HTTP_HOST="127.0.0.1")
    user = User.objects.get(username="analyst-a")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")

    def serve(text: str) -> None:
        assert client.post("/search/", {"q": text}).status_code == 200

    def ask(text: str) -> None:
        answer(User.objects.get(pk=user.pk), [read(text)])

    def ask_list(text: str) -> None:
        lines = [read(line, whole=True) for line in text.splitlines()]
        answer(User.objects.get(pk=user.pk), lines)

    def serve_list(text: str) -> None:
        assert client.post("/search/", {"lines": text, "csv": "1"}).status_code == 200

    about = {"database": connection.vendor, "sightings": sightings, "options": sightings * 3}
    with mock.patch("clewline.desk.accounts.middleware.is_mfa_enabled", return_value=True):
        for kind, texts in questions.items():
            timed(f"desk.search.{kind}", about | {"through": "service"}, ask, texts)
            timed(f"desk.search.{kind}", about | {"through": "client"}, serve, texts)
        mixed = [text for texts in questions.values() for text in texts]
        mixed = [mixed[i] for i in chance.permutation(len(mixed))[: 4 * samples]]
        timed("desk.search.mixed", about | {"through": "client"}, serve, mixed)
        for size, texts in lists.items():
            named = f"desk.search.list_{size}"
            timed(named, about | {"through": "service"}, ask_list, texts, bound=1000)
            timed(named, about | {"through": "client"}, serve_list, texts, bound=1000)


def _lists(questions: dict[str, list[str]], chance: np.random.Generator) -> dict[int, list[str]]:
    """Return lists of mixed questions."""
    pool = [text for texts in questions.values() for text in texts]
    return {
        size: ["\n".join(pool[i] for i in chance.integers(0, len(pool), size)) for _ in range(10)]
        for size in (10, 100, 1000)
    }


def timed(
    name: str,
    about: dict[str, Any],
    ask: Callable[[str], None],
    texts: Sequence[str],
    bound: float = 100,
) -> None:
    """Time each question by itself, after a first one that is not counted."""
    ask(texts[0])
    samples = []
    for text in texts:
        begin = time.perf_counter()
        ask(text)
        samples.append(time.perf_counter() - begin)
    figures = {**about, "samples": len(samples), **quantiles(samples, 1e-3, "ms")}
    emit(name, figures, goal=Goal("p95_ms", "<=", bound))


if __name__ == "__main__":
    main()
