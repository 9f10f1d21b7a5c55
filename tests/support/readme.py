"""Writes the README's tables of options: ``python -m tests.support.readme``."""

from __future__ import annotations

from pathlib import Path

from flask_filibuster.options.documentation import updated

README = Path(__file__).parents[2] / "README.md"

if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
