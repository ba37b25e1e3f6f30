"""Every setting in one table: name, environment variable, default, help.

Command-line options that share a setting read it from here; the page of settings is generated
from `SETTINGS`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One setting and how it is given."""

    name: str
    env: str
    default: str | None
    help: str
    secret: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("store", "CLEWLINE_STORE", None, "Directory of the chain store that commands use."),
    Setting(
        "format",
        "CLEWLINE_FORMAT",
        "table",
        "How the answer is printed on standard output.",
    ),
    Setting(
        "max_transactions",
        "CLEWLINE_MAX_TRANSACTIONS",
        "250000",
        "A trace crosses at most this many transactions (under a second, some 100 MB); what is "
        "left is reported as capped.",
    ),
    Setting(
        "max_nodes",
        "CLEWLINE_MAX_NODES",
        "2000000",
        "A trace looks at most at this many inputs and outputs of transactions (FIFO and LIFO: and "
        "pieces of money); what is left is reported as capped.",
    ),
    Setting(
        "rpc_cookie",
        "CLEWLINE_RPC_COOKIE",
        None,
        "Cookie file of the node: .cookie in its data directory, written anew at each start.",
    ),
    Setting(
        "rpc_user",
        "CLEWLINE_RPC_USER",
        None,
        "Name for the JSON-RPC port of the node, where there is no cookie.",
    ),
    Setting(
        "rpc_password",
        "CLEWLINE_RPC_PASSWORD",
        None,
        "Password for the JSON-RPC port of the node. There is no option for it, because every user "
        "of a machine sees the options of a command.",
        secret=True,
    ),
    Setting(
        "node_patience",
        "CLEWLINE_NODE_PATIENCE",
        "300",
        "Seconds to go on asking a node or server that is starting, restarting or busy, at "
        "intervals that grow from 0.1 to 5 seconds, or as it asks.",
    ),
    Setting(
        "unconfirmed_days",
        "CLEWLINE_UNCONFIRMED_DAYS",
        "14",
        "Days to keep the bytes of transactions that no longer wait for a block; when they were "
        "seen, and what became of them, is kept for good.",
    ),
    Setting(
        "memory_limit",
        "CLEWLINE_MEMORY_LIMIT",
        None,
        "Memory that the first import into a store may hold, as 4G or 500M; half of what is free "
        "if not given. What does not fit goes through files in the store. Pages of mapped files do "
        "not count: the system takes them back when it needs them.",
    ),
    Setting(
        "desk_home",
        "CLEWLINE_DESK_HOME",
        None,
        "Directory of the desk: database, keys, vault. If not given: the made-up desk of "
        "`clewline demo` in this directory, else ~/.local/share/clewline/desk.",
    ),
    Setting(
        "desk_database",
        "CLEWLINE_DESK_DATABASE",
        None,
        "PostgreSQL database of the desk, as postgresql://name@host/database; a SQLite file in the "
        "desk's directory if not given. A password belongs in ~/.pgpass or PGPASSWORD.",
    ),
    Setting(
        "desk_escrow",
        "CLEWLINE_DESK_ESCROW",
        None,
        "Directory of the escrow: the one copy of the tree of keys, with which backups are opened "
        "on another machine. On another disk, in no backup, without snapshots. Beside the desk, "
        "with `-escrow` after its name, if not given.",
    ),
    Setting(
        "desk_origin",
        "CLEWLINE_DESK_ORIGIN",
        None,
        "How people reach the desk, as https://desk.example; with https, cookies go over TLS only. "
        "http://localhost:PORT if not given.",
    ),
    Setting(
        "desk_idle_minutes",
        "CLEWLINE_DESK_IDLE_MINUTES",
        "30",
        "Minutes without a request after which a person is signed out.",
    ),
    Setting(
        "desk_session_hours",
        "CLEWLINE_DESK_SESSION_HOURS",
        "10",
        "Hours after which a person signs in again, however busy.",
    ),
    Setting(
        "taxii_login",
        "CLEWLINE_TAXII_LOGIN",
        None,
        "What `share pull` shows a TAXII server: `token KEY`, `bearer KEY` or "
        "`basic NAME:PASSWORD`. There is no option for it, because every user of a machine sees "
        "the options of a command; `--login-file` names a file that says the same.",
        secret=True,
    ),
    Setting(
        "smtp",
        "CLEWLINE_SMTP",
        None,
        "Mail server for alerts by e-mail, as smtp://name@mail.example:587 (STARTTLS is "
        "required) or smtps://; nobody is mailed if not given. Plain SMTP is for this machine "
        "alone.",
    ),
    Setting(
        "smtp_password",
        "CLEWLINE_SMTP_PASSWORD",
        None,
        "Password for the mail server.",
        secret=True,
    ),
    Setting(
        "mail_from",
        "CLEWLINE_MAIL_FROM",
        None,
        "Sender of such mails, as alerts@hotline.example.",
    ),
    Setting(
        "alert_networks",
        "CLEWLINE_ALERT_NETWORKS",
        None,
        "Networks beyond the public Internet to which alerts may be sent, as 10.1.0.0/16; "
        "none if not given, so that no channel leads into the network of the desk.",
    ),
    Setting(
        "desk_smallest_count",
        "CLEWLINE_DESK_SMALLEST_COUNT",
        "5",
        "Counts from 1 to below this are withheld in files of figures, with what they could be "
        "reckoned from.",
    ),
    Setting(
        "desk_release_minutes",
        "CLEWLINE_DESK_RELEASE_MINUTES",
        "30",
        "Minutes that every package (an export, a request pack) waits after its release, so that a "
        "team whose own payment it holds can object.",
    ),
    Setting(
        "desk_dispute_days",
        "CLEWLINE_DESK_DISPUTE_DAYS",
        "30",
        "Days from its receipt within which a dispute of a listing is to be decided.",
    ),
    Setting(
        "desk_dispute_form",
        "CLEWLINE_DESK_DISPUTE_FORM",
        None,
        "Name of the one team that takes disputes from the public form at /dispute/, which needs "
        "no sign-in; there is no such page if not given.",
    ),
    Setting(
        "fixtures",
        "CLEWLINE_FIXTURES",
        None,
        "Directory of real test data, which `clewline evaluate` counts on; tests that want it "
        "skip, and say so, without it.",
    ),
)


def setting(name: str) -> Setting:
    """Return the setting called `name`.

    Raises
    ------
    KeyError
        If there is none.

    Examples
    --------
    >>> setting("store").env
    'CLEWLINE_STORE'
    """
    return {entry.name: entry for entry in SETTINGS}[name]


def value_of(name: str) -> str | None:
    """Return what the environment says of the setting called `name`, or its default.

    An empty variable says nothing.

    Raises
    ------
    KeyError
        If there is no such setting.

    Examples
    --------
    >>> value_of("node_patience")
    '300'
    """
    one = setting(name)
    return os.environ.get(one.env) or one.default
