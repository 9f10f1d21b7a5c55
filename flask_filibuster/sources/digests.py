"""Digests of source files: whether they are what they were."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def digest_of(path: str | os.PathLike[str]) -> str:
    """Digest of what is in a file: 32 hexadecimal digits, empty if there is no such file.

    :raises OSError: the file cannot be read.
    """
    try:
        content = Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # Code need not come from a file; its name may be none that a file can have.
        return ""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class Digests:
    """What is in source files now; each is read once."""

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
            # Of what cannot be read, nobody can say that it is what it was.
            return False
