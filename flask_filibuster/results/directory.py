"""The default directory of journals and counterexamples."""

from __future__ import annotations

import os
from pathlib import Path

DIRECTORY = ".filibuster"
IGNORED = "*\n"


def make_directory(path: Path) -> None:
    """Make a directory if it is missing; Git ignores one with our default name.

    An existing directory is left unchanged.

    :param path: the directory.
    :raises OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    if path.name == DIRECTORY:
        draft = path / f".gitignore.{os.getpid()}.tmp"
        draft.write_text(IGNORED, encoding="utf-8")
        draft.replace(path / ".gitignore")
