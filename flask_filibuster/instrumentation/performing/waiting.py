"""How long a caller waits for a call that fails: until the fault lets it go, or its own timeout.

A timeout is waited for in virtual time only: really waited for, it would show nothing more.
"""

from __future__ import annotations

import time
from typing import Any

from flask_filibuster.core.fault import Fault
from flask_filibuster.core.sleeping import time_until
from flask_filibuster.instrumentation.attempt import Attempt
from flask_filibuster.instrumentation.clock.loops import runs_virtually
from flask_filibuster.instrumentation.outgoing import AnyCall


def wait(attempt: Attempt[Any], fault: Fault, call: AnyCall[Any]) -> None:
    """Hold a call that is not made as long as its fault does, or until it times out.

    :param attempt: the attempt.
    :param fault: the fault.
    :param call: the call.
    """
    held = attempt.hold(fault)
    if attempt.clock is not None:
        attempt.clock.sleep(held or _timeout(fault, call))
    elif held:
        time.sleep(held)


def wait_longer(attempt: Attempt[Any], fault: Fault, call: AnyCall[Any]) -> None:
    """Wait until a call times out whose callee has done its work."""
    if attempt.clock is not None:
        attempt.clock.sleep(_timeout(fault, call) - (attempt.clock.now() - attempt.began))


async def wait_async(attempt: Attempt[Any], fault: Fault, call: AnyCall[Any]) -> None:
    """:func:`wait` for an asynchronous client."""
    held = attempt.hold(fault)
    if held:
        await _sleep(held)
    elif attempt.clock is not None and runs_virtually():
        await _sleep(_timeout(fault, call))


async def wait_longer_async(attempt: Attempt[Any], fault: Fault, call: AnyCall[Any]) -> None:
    """:func:`wait_longer` for an asynchronous client."""
    if attempt.clock is not None and runs_virtually():
        await _sleep(_timeout(fault, call) - (attempt.clock.now() - attempt.began))


async def _sleep(seconds: float) -> None:
    if seconds > 0:
        from asyncio import sleep  # Lazily: it takes long to import, and this has it already.

        await sleep(seconds)


def _timeout(fault: Fault, call: AnyCall[Any]) -> float:
    """The timeout that a call meets; 0 for faults that are no timeouts."""
    return time_until(fault.kind.failure, fault.exception, call.timeout)
