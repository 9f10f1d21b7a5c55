"""Programs that tests write into directories of their own: files here, checked as such."""

from __future__ import annotations

from pathlib import Path

PROGRAMS = Path(__file__).with_name("programs")


def program(name: str) -> str:
    """The source of one of them."""
    return (PROGRAMS / name).read_text(encoding="utf-8")
