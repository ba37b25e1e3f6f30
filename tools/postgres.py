"""Run a command against a PostgreSQL cluster of its own, which is gone afterwards.

``python tools/postgres.py COMMAND ...`` sets CLEWLINE_DESK_DATABASE for the command. The cluster
listens on loopback behind a random password and does not wait for the disk: for tests only.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DEBIAN = Path("/usr/lib/postgresql")
_CLUSTER = ("--username=desk", "--encoding=UTF8", "--no-sync", "--locale=C")
_SECONDS = 60
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60")


class NoPostgres(Exception):  # noqa: N818 - says what is missing
    """PostgreSQL's programs are not on this machine."""


def binaries() -> Path:
    """Return the directory of initdb and pg_ctl: that of the path, else Debian's newest."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = [path for path in _DEBIAN.glob("*/bin") if (path / "initdb").exists()]
    if not versions:
        raise NoPostgres("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return max(versions, key=lambda path: float(path.parent.name))


def as_another() -> list[str]:
    """Return what stands before a command of PostgreSQL, which refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def until_we_end() -> list[str]:
    """Return what stands before a server that is to end with us, even if we are killed."""
    setpriv = shutil.which("setpriv")
    return [*(as_another() or [setpriv]), "--pdeathsig=INT"] if setpriv else []


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def cluster() -> Iterator[str]:
    """Start a cluster, yield the URL of a database whose owner is superuser, end it.

    Yields
    ------
    str
        ``postgresql://name:password@127.0.0.1:port/postgres``
    """
    programs, prefix, password = binaries(), as_another(), secrets.token_urlsafe(24)
    home = Path(tempfile.mkdtemp(prefix="clewline-postgres-"))
    try:
        (home / "password").write_text(password)
        if prefix:
            for path in (home, home / "password"):
                shutil.chown(path, "postgres", "postgres")
        data, port = home / "data", free_port()

        secret = ("--auth=scram-sha-256", f"--pwfile={home / 'password'}")
        made = subprocess.run(  # noqa: S603 - programs of this machine
            [*prefix, str(programs / "initdb"), f"--pgdata={data}", *secret, *_CLUSTER],
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(made.stderr.decode(errors="replace"))
        options = [part for option in _QUICK for part in ("-c", option)]
        listen = ["-h", "127.0.0.1", "-p", str(port), "-k", str(home), *options]
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(  # noqa: S603
                [*until_we_end(), str(programs / "postgres"), "-D", str(data), *listen],
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            _wait(server, port, home / "log")
            yield f"postgresql://desk:{password}@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # ends connections and then itself
            server.wait(_SECONDS)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server answers."""
    ready = [str(binaries() / "pg_isready"), "--host=127.0.0.1", f"--port={port}", "--quiet"]
    end = time.monotonic() + _SECONDS
    while subprocess.run(ready, check=False).returncode:  # noqa: S603
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(log.read_text(errors="replace"))
        time.sleep(0.1)


def main() -> None:
    """Run the command that the arguments say; its exit code is ours."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        with cluster() as url:
            command = subprocess.run(  # noqa: S603 - the command that was asked for
                sys.argv[1:], env={**os.environ, "CLEWLINE_DESK_DATABASE": url}, check=False
            )
    except NoPostgres as missing:
        sys.exit(str(missing))
    sys.exit(command.returncode)


if __name__ == "__main__":
    main()
