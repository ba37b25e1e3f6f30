"""Media pasted anywhere is refused, and none of its bytes is found afterwards."""

from __future__ import annotations

import base64
import hashlib
import importlib
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import FileField
from django.forms.formsets import BaseFormSet
from tests.desk.conftest import World
from tests.desk.records.pages import page
from tests.desk.records.test_pages import MADE_UP, RECORD, form

from clewline.desk import records
from clewline.desk.records.forms import AccountForm, OptionForm, SightingForm
from clewline.desk.records.services import record
from clewline.desk.retention import triggers

UNIT = hashlib.sha256(b"canary").digest()[:24]
CANARY = UNIT * 25  # so that a short beginning of it is known, too
STARTS = {
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "mp4": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00",
}
SHOWN = {
    "data URI": lambda data: f"data:image/png;base64,{base64.b64encode(data).decode()}",
    "base64": lambda data: base64.b64encode(data).decode(),
    "base64 in lines": lambda data: base64.encodebytes(data).decode(),
    "binary": lambda data: data.decode("latin-1"),
    "attribute": lambda data: (
        f'<img src="data:image/png;base64,{base64.b64encode(data).decode()}">'
    ),
    "value": lambda data: f'<input value="{base64.b64encode(data).decode()}">',
}
BASE_FIELDS = {
    **SightingForm.base_fields,
    **{f"option-0-{name}": field for name, field in OptionForm.base_fields.items()},
    **{f"account-0-{name}": field for name, field in AccountForm.base_fields.items()},
}
TEXTS = {
    name: field.max_length or 10_000
    for name, field in BASE_FIELDS.items()
    if isinstance(field, forms.CharField) and name != "same_site"
}
"""Every field that takes text, and how much of it."""


def pieces() -> list[bytes]:
    """Return runs of the canary's bytes as they might be kept: raw, as text, in hex, in base64."""
    raw = UNIT[:9]
    turns = [base64.b64encode(CANARY[offset : offset + 9]) for offset in range(3)]
    return [raw, raw.decode("latin-1").encode(), raw.hex().encode(), *turns]


def everything_stored(log: str) -> dict[str, bytes]:
    """Return every byte that is kept: rows of the database, files of the desk, logs."""
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - every table there is
            rows += [
                bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                for row in cursor.fetchall()
                for value in row
            ]
    files = {
        str(file): file.read_bytes()
        for file in Path(settings.HOME.path).rglob("*")
        if file.is_file()
    }
    return {"database": b"\0".join(rows), "log": log.encode("utf-8", "replace"), **files}


@pytest.mark.parametrize("spelling", SHOWN)
def test_no_byte_of_media_is_kept(
    world: World, caplog: pytest.LogCaptureFixture, spelling: str
) -> None:
    client = world.client(world.person("analyst"))
    settled = {
        "keep_text": "on",
        "keep_indicators": "on",
        "account-TOTAL_FORMS": "1",
        "account-0-fact": "other",
        "account-0-says": "made up",
        "account-0-obtained": "reported",
    }
    # Nothing but the media is wrong with what is sent.
    assert client.post(RECORD, form(paste=MADE_UP, **settled)).status_code == 302
    refused = 0
    for (field, most), start in zip(TEXTS.items(), cycle(STARTS.values()), strict=False):
        # Where the length alone would refuse it, as much of it as is taken.
        sent = SHOWN[spelling](start + CANARY)[:most]
        if field == "paste":
            sent = MADE_UP + sent
        data = form(**{"paste": MADE_UP, **settled, field: sent})
        for action in ("read", "save") if field == "paste" else ("save",):
            answer = client.post(RECORD, {**data, "action": action})
            assert answer.status_code in (200, 302, 422), field
            refused += answer.status_code == 422
            if field == "paste":
                assert not any(piece in answer.content for piece in pieces()), action
    assert refused > 10
    kept = everything_stored(caplog.text)
    for name, data in kept.items():
        assert not any(piece in data for piece in pieces()), f"{spelling} in {name}"


def test_the_search_would_find_it(world: World) -> None:
    made = record(world.person("analyst"), page())
    triggers.drop(connection)  # it could not be written otherwise
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE records_sighting SET neutral_summary = %s WHERE id = %s",
            [base64.b64encode(STARTS["png"] + CANARY).decode()[:400], made.pk],
        )
    kept = everything_stored("")
    assert any(piece in kept["database"] for piece in pieces())


def test_what_was_refused_is_said_with_its_size(world: World) -> None:
    client = world.client(world.person("analyst"))
    uri = SHOWN["data URI"](STARTS["png"] + CANARY)
    text = client.post(RECORD, form(action="read", paste=MADE_UP + uri)).content.decode()
    assert f"Refused and left out: data URI, {len(uri)} characters, in text." in text
    text = client.post(RECORD, form(neutral_summary=uri[:300])).content.decode()
    assert "this holds a data URI (300 characters); text alone is taken" in text
    assert uri[30:60] not in text


def test_no_form_and_no_model_has_a_field_for_files() -> None:
    found: list[Any] = []
    for name in ("accounts", "records", "cases", "search", "addresses", "welfare"):
        module = importlib.import_module(f"clewline.desk.{name}.forms")
        for item in vars(module).values():
            if isinstance(item, type) and issubclass(item, forms.BaseForm | BaseFormSet):
                of_form = item.form if issubclass(item, BaseFormSet) else item
                found += [(item, field) for field in getattr(of_form, "base_fields", {}).values()]
    assert len(found) > 60
    assert not [pair for pair in found if isinstance(pair[1], forms.FileField)]
    columns = [field for model in apps.get_models() for field in model._meta.fields]
    assert not [field for field in columns if isinstance(field, FileField)]


def test_no_template_offers_an_upload() -> None:
    root = Path(records.__file__).parents[1] / "web" / "templates"
    for file in root.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert 'type="file"' not in text and "multipart" not in text, file
        if "/desk/" in str(file):
            assert "<img" not in text, file


def test_a_file_sent_anyway_is_not_taken(world: World, tmp_path: Path) -> None:
    client = world.client(world.person("analyst"))
    file = tmp_path / "made-up.png"
    file.write_bytes(STARTS["png"] + CANARY)
    with file.open("rb") as stream:
        answer = client.post(RECORD, {**form(), "wording": stream})
    assert answer.status_code in (200, 302, 400, 422)
    kept = everything_stored("")
    assert not any(piece in data for data in kept.values() for piece in pieces())
