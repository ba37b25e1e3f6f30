"""What a partner gives stays in quarantine: no record comes of it but by a person's own entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from tests.desk.conftest import World
from tests.sharing.lists import BECH32, full, item, shared
from typer.testing import CliRunner

from clewline.cli import app
from clewline.desk.audit.models import Event
from clewline.desk.partners import services as partners
from clewline.desk.partners.models import Partner
from clewline.desk.received import services
from clewline.desk.received.models import ReceivedFile, ReceivedItem
from clewline.desk.records.models import Address, Attribution, KnownAddress
from clewline.errors import DataError, SharedFileError, UsageError
from clewline.sharing.formats import FORMATS, after_losses, write

pytestmark = pytest.mark.django_db


def _of(world: World) -> Partner:
    return Partner.objects.get(team=world.team)


def _bitcoin(**values: Any) -> Any:
    return full(id="R-BTC00001", chain="BTC", network="main", address=BECH32, **values)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_each_format_is_kept_item_by_item(world: World, name: str) -> None:
    one = shared(full(), _bitcoin())
    found = services.take(_of(world), name, write(name, one), "terminal:x")
    said = [row.said for row in found.items.all()]
    assert [row["id"] for row in said] == [row.id for row in after_losses(name, one).items]
    assert not any({"url", "wording"} & set(row) for row in said)
    assert not Address.objects.exists()
    assert not KnownAddress.objects.exists()
    assert not Attribution.objects.exists()


def test_what_is_broken_leaves_nothing(world: World) -> None:
    partner = _of(world)
    with pytest.raises(SharedFileError):
        services.take(partner, "json", b"{}", "x")
    image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    with pytest.raises(DataError):
        bad = shared(item(id="R-00000001"), full(memo=f"data:image/png;base64,{image}"))
        services.take(partner, "json", write("json", bad), "x")
    assert not ReceivedFile.objects.exists()
    assert not ReceivedItem.objects.exists()


def test_the_same_file_is_taken_once_and_from_active_partners_alone(world: World) -> None:
    partner, data = _of(world), write("json", shared(full()))
    services.take(partner, "json", data, "x")
    with pytest.raises(UsageError, match="before"):
        services.take(partner, "json", data, "x")
    partners.stop(world.person("liaison"), partner, "suspended", "made up")
    with pytest.raises(UsageError, match="not active"):
        services.take(partner, "json", write("json", shared()), "x")


def test_a_person_reviews_items_and_enters_what_they_stand_by(world: World) -> None:
    found = services.take(_of(world), "json", write("json", shared(_bitcoin())), "terminal:x")
    client = world.client(world.person("analyst"))
    page = client.get(reverse("received-file", args=[found.ref])).content.decode()
    assert BECH32 in page
    assert reverse("address", args=["BTC", "main", BECH32]) in page
    assert "site.example" not in page
    answer = client.post(reverse("review-received", args=[found.ref, 1]), {"used": "no"})
    assert answer.status_code == 302
    after = client.get(reverse("received-file", args=[found.ref])).content.decode()
    assert BECH32 not in after
    assert "set aside" in after
    again = client.post(reverse("review-received", args=[found.ref, 1]), {"used": "yes"})
    assert again.status_code == 400
    assert not Attribution.objects.exists()


def test_another_house_finds_nothing(world: World) -> None:
    found = services.take(_of(world), "json", write("json", shared(full())), "terminal:x")
    client = world.client(world.person("analyst", stranger=True))
    assert client.get(reverse("received-file", args=[found.ref])).status_code == 404
    assert found.ref.encode() not in client.get(reverse("received")).content
    with pytest.raises(UsageError, match="not a team of yours"):
        stranger = world.person("analyst", stranger=True)
        services.review(stranger, found.items.get(), used=True)


def test_a_position_that_is_not_there_and_a_form_without_choice(world: World) -> None:
    found = services.take(_of(world), "json", write("json", shared(full())), "terminal:x")
    client = world.client(world.person("analyst"))
    assert client.post(reverse("review-received", args=[found.ref, 9]), {}).status_code == 404
    assert client.post(reverse("review-received", args=[found.ref, 1]), {}).status_code == 400


def test_the_terminal_takes_a_file_in_and_leaves_an_audit_row(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clewline.cli.share.open_desk", lambda _home: None)
    path, partner = tmp_path / "theirs.csv", _of(world)
    path.write_bytes(write("csv", shared(full(), _bitcoin())))
    arguments = ["share", "import", str(path), "--format", "csv", "--from", partner.ref]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    made = ReceivedFile.objects.get()
    assert done.stdout == f"{made.ref}: 2 items wait under Received\n"
    row = Event.objects.order_by("-seq")[0]
    assert (row.action, row.object, row.result) == ("received.take", partner.ref, "done")
    assert CliRunner().invoke(app, arguments).exit_code
    assert Event.objects.order_by("-seq")[0].result == "refused"
    unknown = CliRunner().invoke(app, [*arguments[:-1], "P-00000-00000"])
    assert isinstance(unknown.exception, UsageError)
