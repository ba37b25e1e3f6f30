"""The made-up desk: filled through the services, from the truth of a play case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clewline.desk.accounts.models import User
from clewline.desk.play import fill
from clewline.desk.records.models import PaymentOption, Sighting


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A case in small: one exchange, some payments, as ``truth.json`` has them."""
    addresses = [
        "bcrt1q766tr8y3n9wp60yvls9tchs64qat28epdkgen5",
        "bcrt1qr4u26x9aa8dea4t44ledseuw05skrt5u4vvrrr",
        "bcrt1qkp9jx3zxyqfra86dqvkqtx4tlmj4vtsyyjc74m",
    ]
    purchases = [
        {"txid": f"{n:064x}", "address": addresses[n % 3], "value": 10_000 + n, "usd": 30}
        | {"time": 1_609_798_042 + n * 86_400}
        for n in range(150)
    ]
    exchange = {"kind": "exchange", "name": "Exchange A (made up)"}
    exchange["deposit"] = ["bcrt1qq7ytl5srwtfnus62ze2f43zk729qepuje888cr"]
    truth = {"seed": 1, "purchases": purchases, "entities": [exchange]}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    return tmp_path


@pytest.mark.django_db
def test_a_case_becomes_a_desk(case: Path) -> None:
    told: list[tuple[int, int]] = []
    count = fill(case, lambda done, total: told.append((done, total)))
    assert count == Sighting.objects.count() > 140
    assert told[-1] == (48, 48)
    assert PaymentOption.objects.filter(address__isnull=False).count() == count
    assert not any(user.has_usable_password() for user in User.objects.all())
    assert Sighting.objects.exclude(superseded_by=None).count() == 1
    assert Sighting.objects.exclude(withdrawal=None).count() == 1
    assert all(sighting.recorded_at.year < 2022 for sighting in Sighting.objects.all())
    assert "Made up" in Sighting.objects.earliest("id").unseal("wording")
