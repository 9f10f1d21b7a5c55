"""The names of subjects in the journal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def journal_name(words: str, details: Mapping[str, Any]) -> str:
    """The name of an exploration in the journal: equal only for equal subjects.

    :param words: the subject's name.
    :param details: everything else that it depends on, as plain data.
    """
    told = json.dumps(details, sort_keys=True).encode()
    return f"{words} {hashlib.md5(told, usedforsecurity=False).hexdigest()[:10]}"
