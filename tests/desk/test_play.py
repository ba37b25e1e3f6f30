"""The made-up desk: filled through the services, from the truth of a play case."""

from __future__ import annotations

from pathlib import Path

import pytest

from clewline.desk.accounts.models import User
from clewline.desk.play import fill, this_morning
from clewline.desk.queue.queries import morning
from clewline.desk.records.models import PaymentOption, Sighting


@pytest.mark.django_db
def test_a_case_becomes_a_desk(play_case: Path) -> None:
    told: list[tuple[int, int]] = []
    count = fill(play_case, lambda done, total: told.append((done, total)))
    assert count == Sighting.objects.count() > 140
    assert told[-1] == (48, 48)
    assert PaymentOption.objects.filter(address__isnull=False).count() == count
    assert not any(user.has_usable_password() for user in User.objects.all())
    assert Sighting.objects.exclude(superseded_by=None).count() == 1
    assert Sighting.objects.exclude(withdrawal=None).count() == 1
    assert all(sighting.recorded_at.year < 2022 for sighting in Sighting.objects.all())
    assert "Made up" in Sighting.objects.earliest("id").unseal("wording")


@pytest.mark.django_db
def test_a_morning_has_something_in_each_place(play_case: Path) -> None:
    fill(play_case)
    this_morning()
    sections = morning(User.objects.get(username="made-up-approver")).sections
    assert [len(sections[name]) for name in ("urgent", "new")] == [1, 4]
    assert "export asked by" in " ".join(item.line for item in sections["check"])
