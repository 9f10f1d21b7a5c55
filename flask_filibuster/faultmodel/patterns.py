"""Regular expressions that users and analysis files give."""

from __future__ import annotations

import re
from functools import lru_cache

from flask_filibuster.errors import FaultModelError

MOST_SHOWN = 200
"""Characters of a text that an error message shows."""


@lru_cache(maxsize=256)
def pattern_of(text: str) -> re.Pattern[str]:
    """Compile a regular expression.

    :raises FaultModelError: it is invalid.
    """
    try:
        return re.compile(text)
    # for "a{99999999999}", for "(" 500 times, and for warnings that the app turns into errors
    except (re.error, OverflowError, RecursionError, Warning) as error:
        shown = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
        raise FaultModelError(f"{shown!r} is not a regular expression: {error}") from error
