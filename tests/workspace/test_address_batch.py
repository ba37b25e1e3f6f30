"""Many addresses at once say what each says alone."""

from __future__ import annotations

from pathlib import Path

from clewline.workspace import Workspace


def test_a_batch_says_what_each_address_says_alone(plain_store: Path) -> None:
    workspace = Workspace.open(plain_store)
    rows = list(workspace.all_transactions())
    addresses = sorted({o["address"] for row in rows for o in row["outputs"] if o["address"]})
    assert len(addresses) > 100
    unknown = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"
    asked = [*addresses[::-1], unknown, "", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "ä" * 34]
    answers = list(workspace.address_batch(asked))
    assert [answer["address"] for answer in answers] == asked
    for answer in answers[: len(addresses)]:
        alone = workspace.address(answer["address"])
        assert answer["status"] == "on the chain"
        for key in ("received", "sent", "balance", "first_seen", "last_seen", "cluster"):
            assert answer[key] == alone[key], key
    missing, *wrong = answers[len(addresses) :]
    assert (missing["status"], missing["received"]) == ("not on the chain", 0)
    for answer in wrong:
        assert answer["status"].startswith("not an address of this network: ")
        assert (answer["first_seen"], answer["cluster"]) == (None, None)
    assert list(workspace.address_batch([])) == []
