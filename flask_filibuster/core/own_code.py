"""Who owns a source file: an installed package, this project, or the user."""

from __future__ import annotations

import os
import sysconfig
from functools import lru_cache

OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_INSTALLED = tuple(
    os.path.normcase(os.path.abspath(path)) + os.sep
    for name, path in sysconfig.get_paths().items()
    if name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_PACKAGE_DIRS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


@lru_cache(maxsize=4096)
def is_installed(filename: str) -> bool:
    """Whether a source file belongs to Python or an installed package."""
    if filename.startswith("<"):
        return True
    path = os.path.normcase(os.path.abspath(filename))
    return path.startswith(_INSTALLED) or any(part in path for part in _PACKAGE_DIRS)


def is_ours(filename: str) -> bool:
    """Whether a source file belongs to this project."""
    return filename.startswith(OURS)


@lru_cache(maxsize=4096)
def is_users(filename: str) -> bool:
    """Whether a source file belongs to the user."""
    return not is_ours(filename) and not is_installed(filename)
