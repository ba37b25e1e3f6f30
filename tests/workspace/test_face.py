"""What the face offers is there, and costs a command only what it asks for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import clewline.workspace


@pytest.mark.parametrize("name", clewline.workspace.__all__)
def test_every_offered_name_is_there(name: str) -> None:
    assert getattr(clewline.workspace, name) is not None


def test_a_name_that_is_not_offered_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = clewline.workspace.no_such_name


@pytest.mark.parametrize(
    ("wanted", "unneeded"),
    [
        ("import_blocks", ["cases", "tracing", "attribution", "unconfirmed", "tables"]),
        ("Workspace", ["cases", "tracing", "attribution", "importing", "exposure_building"]),
    ],
)
def test_what_is_not_asked_for_is_not_loaded(wanted: str, unneeded: list[str]) -> None:
    code = (
        f"import sys; from clewline.workspace import {wanted}; "
        "print(*(name for name in sys.modules if name.startswith('clewline.workspace.')))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.removeprefix("clewline.workspace.") for name in ran.stdout.split()}
    assert not loaded & set(unneeded)
