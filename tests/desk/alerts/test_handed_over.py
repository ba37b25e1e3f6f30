"""``clewline share export``: what a partner was told, as a file, and not a byte more."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from tests.desk.alerts.conftest import ADDRESSES, BRAND, SITE, Desk
from typer.testing import CliRunner

from clewline.cli import app
from clewline.desk.alerts.models import Disclosure
from clewline.desk.audit.models import Event
from clewline.desk.partners import services as partners
from clewline.desk.partners.models import Partner
from clewline.desk.received.models import ReceivedFile
from clewline.errors import ClewlineError, UsageError
from clewline.sharing import formats, validators

pytestmark = pytest.mark.django_db
WORDING = "made up words of the page"
NEVER = (SITE, "sealed-site", WORDING, "made up words", BRAND, "Heron")
"""What a policy releases to no exchange; `ADDRESSES[2]` stands on no alert."""


@pytest.fixture(autouse=True)
def _at_this_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clewline.cli.share.open_desk", lambda _home: None)


def _export(partner: str, style: str, out: Path) -> Any:
    arguments = ["share", "export", "--format", style, "--as", partner, "--out", str(out)]
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def told(desk: Desk) -> tuple[Partner, Partner]:
    """Two exchanges that were told of two addresses; a third address nobody was told of."""
    first, second = desk.partner("Exchange one"), desk.partner("Exchange two")
    desk.sighting(*ADDRESSES, wording=WORDING, wording_language="en")
    desk.tell([first, second])
    return first, second


@pytest.mark.parametrize("style", formats.FORMATS)
def test_no_byte_leaves_that_was_not_released(
    told: tuple[Partner, Partner], tmp_path: Path, style: str
) -> None:
    files = []
    for partner in told:
        out = tmp_path / partner.ref
        done = _export(partner.ref, style, out)
        assert done.exit_code == 0, done.output
        data = out.read_bytes()
        files.append(data)
        assert out.stat().st_mode & 0o777 == 0o600
        assert validators.faults(style, data) == []
        for never in (*NEVER, ADDRESSES[2]):
            assert never.lower().encode() not in data.lower(), never
        for address in ADDRESSES[:2]:
            assert address.encode() in data
        row = Disclosure.objects.get(partner=partner)
        digest = hashlib.sha256(data).hexdigest()
        assert (row.format, row.number, row.items, row.sha256) == (style, 1, 2, digest)
        event = Event.objects.order_by("-seq")[0]
        assert (event.action, event.object, event.result) == ("share.export", partner.ref, "done")
    # References are each recipient's own.
    ours, theirs = (
        {one.id for one in formats.read(style, data).items} | {formats.read(style, data).recipient}
        for data in files
    )
    assert not ours & theirs
    assert not any(reference.encode() in files[0] for reference in theirs)


@pytest.mark.parametrize("style", formats.FORMATS)
def test_export_import_export_is_the_same(
    told: tuple[Partner, Partner], tmp_path: Path, style: str
) -> None:
    partner, first, second = told[0], tmp_path / "first", tmp_path / "second"
    _export(partner.ref, style, first)
    shared = formats.read(style, first.read_bytes())
    assert formats.write(style, shared) == first.read_bytes()
    arguments = ["share", "import", str(first), "--format", style, "--from", partner.ref]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    taken = ReceivedFile.objects.get()
    assert [row.said["id"] for row in taken.items.all()] == [one.id for one in shared.items]
    assert _export(partner.ref, style, second).exit_code == 0
    assert second.read_bytes() == first.read_bytes()


def test_who_was_told_nothing_or_is_suspended_or_unknown_gets_no_file(
    desk: Desk, told: tuple[Partner, Partner], tmp_path: Path
) -> None:
    out = tmp_path / "list"
    fresh, gone = desk.partner("Exchange three"), told[0]
    partners.stop(desk.world.person("liaison"), gone, "suspended", "made up")
    for partner, style, why in (
        ("P-00000-00000", "json", "no partner"),
        (fresh.ref, "json", "told nothing yet"),
        (gone.ref, "json", "not active"),
        (told[1].ref, "xlsx", "xlsx"),
    ):
        done = _export(partner, style, out)
        assert isinstance(done.exception, UsageError)
        assert why in str(done.exception)
        assert not out.exists()
    assert not Disclosure.objects.exists()
    assert Event.objects.order_by("-seq")[0].result == "refused"


def test_a_file_that_is_there_is_not_replaced_and_nothing_is_written_down(
    told: tuple[Partner, Partner], tmp_path: Path
) -> None:
    there, locked = tmp_path / "there", tmp_path / "no" / "such" / "folder"
    there.write_bytes(b"mine")
    for out, why in ((there, "not replaced"), (locked, "cannot be written")):
        done = _export(told[0].ref, "json", out)
        assert isinstance(done.exception, ClewlineError)
        assert why in str(done.exception)
    assert there.read_bytes() == b"mine"
    assert not Disclosure.objects.exists()


def test_the_page_of_channels_names_the_file_to_the_house_that_gave_it(
    desk: Desk, told: tuple[Partner, Partner], tmp_path: Path
) -> None:
    _export(told[0].ref, "csv", tmp_path / "list")
    world, start = desk.world, Disclosure.objects.get().sha256[:6]
    pages = [
        world.client(world.person("liaison", stranger=stranger)).get("/alerts/channels/")
        for stranger in (False, True)
    ]
    assert [start in page.content.decode() for page in pages] == [True, False]
