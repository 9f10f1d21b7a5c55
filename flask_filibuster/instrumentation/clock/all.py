"""All patches of virtual time."""

from __future__ import annotations

from flask_filibuster.instrumentation.clock import loops, waits
from flask_filibuster.instrumentation.clock.holding import clocks
from flask_filibuster.instrumentation.patching import Held


def hold_clock() -> list[Held]:
    """Give the frames of executions virtual time, until the release.

    Only executions that have a virtual clock are concerned.
    """
    return [clocks().hold(), *waits.hold_patches(), *loops.hold_patches()]
