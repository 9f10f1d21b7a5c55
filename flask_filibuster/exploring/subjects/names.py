"""What subjects are called in the journal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def journal_name(words: str, details: Mapping[str, Any]) -> str:
    """What an exploration is called in the journal: equal only for what is explored alike.

    :param words: what is explored, in words.
    :param details: all else that it depends on, as plain data.
    """
    told = json.dumps(details, sort_keys=True).encode()
    return f"{words} {hashlib.md5(told, usedforsecurity=False).hexdigest()[:10]}"
