"""Load on the service of `clewline checks`: ``python -m bench.checks_load --rate 1000``.

The service runs as a process of its own over a made-up list. Requests are sent by the clock,
whether or not earlier ones were answered, and each is timed from the moment for which it was
planned: a server that falls behind cannot hide it. The floor in the same run is a request that is
refused for its token, which does nothing but travel. Loopback only; ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_CONNECTIONS = 64
_LISTED = 100_000


def percentiles(seconds: list[float]) -> str:
    """Return what a row says of times."""
    ordered = sorted(seconds)
    at = [ordered[min(int(len(ordered) * share), len(ordered) - 1)] for share in (0.5, 0.95, 0.99)]
    shown = "  ".join(
        f"{name} {value * 1e3:7.2f} ms"
        for name, value in zip(("p50", "p95", "p99"), at, strict=True)
    )
    return f"{shown}  worst {ordered[-1] * 1e3:7.2f} ms"


def request(path: str, token: str, body: dict[str, str]) -> bytes:
    """Return the bytes of a request."""
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


async def answer(reader: asyncio.StreamReader) -> int:
    """Read an answer; return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    await reader.readexactly(length)
    return int(head[9:12])


async def load(port: int, requests: list[bytes], rate: float) -> tuple[list[float], dict[int, int]]:
    """Send requests at a rate; return the time that each took, and how often which status came."""
    taken: list[float] = []
    statuses: dict[int, int] = {}
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))

    async def one(data: bytes, planned: float) -> None:
        reader, writer = await free.get()
        writer.write(data)
        status = await answer(reader)
        taken.append(time.perf_counter() - planned)
        statuses[status] = statuses.get(status, 0) + 1
        free.put_nowait((reader, writer))

    begun = time.perf_counter()
    waiting = []
    for number, data in enumerate(requests):
        planned = begun + number / rate
        delay = planned - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        waiting.append(asyncio.create_task(one(data, planned)))
    await asyncio.gather(*waiting)
    while not free.empty():
        free.get_nowait()[1].close()
    return taken, statuses


def command(*words: object) -> list[str]:
    """Return a command line of this program."""
    return [sys.executable, "-c", "from clewline.cli import main; main()", *map(str, words)]


def main() -> None:
    """Run the loads and print their times."""
    options = argparse.ArgumentParser()
    options.add_argument("--rate", type=float, default=1_000)
    options.add_argument("--seconds", type=int, default=30)
    chosen = options.parse_args()
    count = int(chosen.rate * chosen.seconds)
    picked = random.Random(1)
    with tempfile.TemporaryDirectory() as root:
        home, listed = Path(root) / "service", Path(root) / "list.csv"
        with listed.open("w") as stream:
            stream.write("address,chain,entity,category,type\n")
            for number in range(_LISTED):
                stream.write(
                    f"0x{number * 7919:040x},ETH,Site {number % 9} (made up),csam,control\n"
                )
        tokens = [
            subprocess.run(
                command("checks", "token", home, scope, "--scope", scope),
                check=True,
                capture_output=True,
                text=True,
            ).stdout.strip()
            for scope in ("register", "review")
        ]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen(
            command("checks", "serve", home, "--list", listed, "--port", port),
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 300
            while time.monotonic() < deadline:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.2)

            def body(number: int) -> dict[str, str]:
                # One in ten stands in the list.
                near = picked.randrange(_LISTED) * 7919
                address = near if number % 10 == 0 else near + 1
                return {
                    "address": f"0x{address:040x}",
                    "network": "ETH",
                    "attemptIdentifier": f"W-{number}",
                }

            rows = (
                ("floor: no token", "/v2/users/C/checks", ""),
                ("check before a withdrawal", "/v2/users/C/checks", tokens[1]),
                ("registration, silent", "/v2/users/D/withdrawal-attempts", tokens[0]),
            )
            warm = [request(rows[1][1], tokens[1], body(-1 - n)) for n in range(50)]
            asyncio.run(load(port, warm, 50))
            print(f"{count:,} requests at {chosen.rate:g}/s over {_CONNECTIONS} connections")
            for name, path, token in rows:
                requests = [request(path, token, body(n)) for n in range(count)]
                taken, statuses = asyncio.run(load(port, requests, chosen.rate))
                print(f"{name:28} {percentiles(taken)}  {statuses}")
            many = [request(rows[1][1], tokens[1], body(10**9 + n)) for n in range(20_000)]
            taken, statuses = asyncio.run(load(port, many, 1e9))
            print(f"{'20,000 at once':28} {percentiles(taken)}  {statuses}")
        finally:
            server.terminate()
            server.wait(60)


if __name__ == "__main__":
    main()
