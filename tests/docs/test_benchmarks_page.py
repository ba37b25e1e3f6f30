"""Every program of `bench` is on the page of benchmarks."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_program_is_on_the_page() -> None:
    page = (ROOT / "docs" / "BENCHMARKS.md").read_text("utf-8")
    programs = [
        one.stem
        for one in sorted((ROOT / "bench").glob("[a-z]*.py"))
        if '__name__ == "__main__"' in one.read_text("utf-8")
    ]
    assert "desk_figures" in programs
    assert [one for one in programs if f"python -m bench.{one}" not in page] == []
