"""A retry without a cap."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from linecache import getlines

from flask_filibuster.core.bounds.attempts import FAILED_ATTEMPTS, attempts_of, round_of
from flask_filibuster.core.call import Call
from flask_filibuster.results.findings import RETRY_WITHOUT_END
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting

# What a loop reads, or a decorator is given, if time ends it.
_TIME = re.compile(
    r"monotonic|perf_counter|time_ns|\btime\(\)|\bnow\(|utcnow|deadline|elapsed|expire"
    r"|stop_after_delay|max_time|max_delay|wait_for|timeout_at|asyncio\.timeout|budget"
)


class RetryWithoutEnd(Oracle):
    """A call that fails is made again and again, without any end.

    Why it matters: while the callee is down, the request never ends, and occupies a worker. Soon
    all workers retry, and the caller is down, too; when the callee comes back, they overwhelm it.

    How to mend it: allow a few attempts, with growing delays, or a deadline; then answer without
    the call, or with an error.
    """

    name = RETRY_WITHOUT_END
    severity = "error"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Loops in which so many attempts failed, and another one was made."""
        faults = seen.execution.faults
        if len(faults) < FAILED_ATTEMPTS:
            return
        attempts = attempts_of(faults)
        failed, last = len(attempts), attempts[-1].call
        if failed < FAILED_ATTEMPTS or not round_of(attempts, seen.trace) or _is_timed(last):
            return
        yield Sighting.of(
            last,
            f"{last.source} retries {last.method} {last.url} without end: still retried after "
            f"{failed} failed attempts",
        )


def _is_timed(call: Call) -> bool:
    """Whether time may end the loop: faults take none, so that it would seem to have no end."""
    site = call.callsite
    return site is not None and _reads_time(site.file, site.line)


@lru_cache(maxsize=64)
def _reads_time(file: str, line: int) -> bool:
    """Whether the function around a line, or what decorates it, has to do with time."""
    lines = getlines(file)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:  # No source of Python, or of another version.
        return False
    for each in ast.walk(tree):
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([each.lineno, *(made.lineno for made in each.decorator_list)])
            # The outermost one: what calls a function inside it may be the loop.
            if first <= line <= (each.end_lineno or line):
                text = "".join(lines[first - 1 : each.end_lineno])
                return _TIME.search(text) is not None
    return _TIME.search("".join(lines)) is not None  # Code of a module, or a shell.
