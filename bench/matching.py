"""What private matching costs: ``python -m bench.matching --list 100000 --items 1000000``.

Both sides run in one process on made-up Ethereum addresses, a step after the other, so each figure
is that side's own. The peer is the same question without privacy: a set of the list, and a look at
each item.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clewline.matching.exchange import begin
from clewline.matching.hotline import Hotline
from clewline.matching.identity import make_identity
from clewline.matching.items import rows_of
from clewline.matching.partners import Partner, put_partner


def rows(file: Path, numbers: range) -> Path:
    """Write made-up rows."""
    with file.open("w") as stream:
        stream.write("chain,address,customer\n")
        stream.writelines(f"ETH,0x{number * 7919:040x},c{number}\n" for number in numbers)
    return file


def main() -> None:
    """Run a session and print what it took."""
    options = argparse.ArgumentParser()
    options.add_argument("--list", type=int, default=100_000, dest="listed")
    options.add_argument("--items", type=int, default=1_000_000)
    options.add_argument("--threads", type=int, default=2)
    chosen = options.parse_args()
    seconds: Counter[str] = Counter()
    sent: Counter[str] = Counter()

    def timed(what: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        try:
            return work()
        finally:
            seconds[what] += time.perf_counter() - start

    with tempfile.TemporaryDirectory() as root:
        homes = Path(root) / "hotline", Path(root) / "exchange"
        keys = [make_identity(home).public for home in homes]
        put_partner(homes[0], Partner("exchange", keys[1]))
        put_partner(homes[1], Partner("hotline", keys[0]))
        # A tenth of the list is among the items.
        listed = rows(Path(root) / "list.csv", range(chosen.listed))
        start = chosen.listed * 9 // 10
        asked = rows(Path(root) / "items.csv", range(start, start + chosen.items))
        items = timed("hotline: read the list", lambda: [row.item for row in rows_of(listed)])
        hotline = Hotline(homes[0], items, now=lambda: datetime.now(UTC), threads=chosen.threads)
        session = timed(
            "exchange: read the rows",
            lambda: begin(homes[1], "hotline", asked, snapshot="bench", now=datetime.now(UTC)),
        )
        timed("exchange: hide", lambda: session.hide(threads=chosen.threads))
        for message in session.messages():
            data = session.sign(message)
            what = "encrypt the list" if message.kind == "open" else "answer"
            reply = timed(f"hotline: {what}", lambda data=data: hotline.handle(data))
            timed(
                "exchange: compare",
                lambda reply=reply, message=message: session.take(
                    reply, message, datetime.now(UTC)
                ),
            )
            sent["to the hotline"] += len(data)
            sent["to the exchange"] += len(reply)
        found = len(session.matched())
        known = set(items)
        plain = timed(
            "peer: a set, no privacy",
            lambda: sum(row.item in known for row in rows_of(asked)),
        )
        assert found == plain, (found, plain)
    print(f"{chosen.listed:,} listed, {chosen.items:,} items, {found:,} match")
    for what, took in seconds.items():
        print(f"{what:28} {took:8.1f} s")
    for what, size in sent.items():
        print(f"{what:28} {size / 1e6:8.1f} MB")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'peak memory, both sides':28} {peak:8.0f} MB")


if __name__ == "__main__":
    main()
