"""freezegun and time-machine, which move clocks themselves, whichever starts first.

Both look for the real functions, and time-machine writes into them, whatever is in their places. So
the functions are restored while one of them starts or stops.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from flask_filibuster.instrumentation.clock.holding import clocks
from flask_filibuster.instrumentation.patching import Held, Patch


def hold_freezegun() -> list[Held]:
    """Restore the real functions around each start and stop of freezegun."""
    kind: Any = sys.modules["freezegun.api"]._freeze_time  # noqa: SLF001
    return [Patch.hold(kind, name, _lifting) for name in ("start", "stop")]


def hold_time_machine() -> list[Held]:
    """Restore the real functions around each start and stop of time-machine."""
    kind: Any = sys.modules["time_machine"].travel
    return [Patch.hold(kind, name, _lifting) for name in ("start", "stop")]


def _lifting(original: Callable[..., Any], _patch: Patch) -> Callable[..., Any]:
    def method(*args: Any, **options: Any) -> Any:
        with clocks().lifted():
            return original(*args, **options)

    return method
