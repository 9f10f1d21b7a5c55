"""The unexplored calls of all tests, each once, and what to do about them, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from flask_filibuster.core.trace import UnexploredCall
from flask_filibuster.pytest_plugin.all_tests.told import told_of
from flask_filibuster.pytest_plugin.all_tests.words import in_tests
from flask_filibuster.report.text import site_text
from flask_filibuster.results.proof import way_in
from flask_filibuster.results.unexplored import MergedUnexplored, merged_unexplored

MOST: Final = 20
"""How many calls are listed; the others are counted."""


def unexplored_lines(told: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The unexplored calls of all tests.

    :param told: what is known of each test, as plain data, by node id.
    """
    found = merged_unexplored(
        (test, call)
        for test, data in told.items()
        if "unexplored" in data
        for call in told_of(data).unexplored
    )
    if not found:
        return
    apart = [each for each in found if each.call.apart]
    if apart:
        yield "Unexplored calls, in requests that took no part, so they could not be made to fail:"
        yield from _listed(apart)
        yield f"  {way_in([each.call.apart for each in apart[:MOST]])}"
    others = [each for each in found if not each.call.apart]
    if not others:
        return
    yield "Unexplored calls, which no client explains, so they could not be made to fail:"
    yield from _listed(others)
    targets = list(dict.fromkeys(each.call.target for each in others[:MOST]))
    yield (
        "  If some need no test (metrics, logs), name those in the app's "
        f"FILIBUSTER_UNEXPLORED = {targets}, or in pytest's key filibuster_unexplored"
    )


def _listed(found: Sequence[MergedUnexplored]) -> Iterator[str]:
    for each in found[:MOST]:
        yield f"  {_words(each.call)} ({in_tests(each.tests)})"
    if len(found) > MOST:
        yield f"  … and {len(found) - MOST} more"


def _words(call: UnexploredCall) -> str:
    times = f", up to {call.count} times in a test" if call.count > 1 else ""
    at = "" if call.callsite is None else f", at {site_text(call.callsite)}"
    apart = f", in a request to {call.apart}" if call.apart else ""
    return f"{call.what}{times}{at}{apart}"
