"""Digests of source files, to detect changes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def digest_of(path: str | os.PathLike[str]) -> str:
    """Digest of a file's content: 32 hexadecimal digits, empty if there is no such file.

    :raises OSError: the file cannot be read.
    """
    try:
        content = Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # Code may have no file; its file name may be invalid.
        return ""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class Digests:
    """Digests of source files; each file is read once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, path: str) -> str:
        """Digest of a file's content; see :func:`digest_of`.

        :raises OSError: the file cannot be read.
        """
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = digest_of(path)
        return known

    def unchanged(self, path: str, digest: str) -> bool:
        """Whether a file still has this digest."""
        try:
            return self.of(path) == digest
        except OSError:
            # An unreadable file counts as changed.
            return False
