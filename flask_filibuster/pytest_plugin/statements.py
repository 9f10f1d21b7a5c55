"""The statements of tracebacks, each looked up once for all failing executions.

For each line of a traceback, pytest parses the whole source file to find the statement around the
line. In a test with many failing executions, which fail in the same few lines, that takes many
times as long as all else.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from _pytest._code import code

_NAME = "getstatementrange_ast"

Ranges = dict[tuple[int, bool], tuple[int, int]]

_KNOWN: pytest.StashKey[dict[tuple[str, ...], Ranges]] = pytest.StashKey()


@contextmanager
def statements_known(config: pytest.Config) -> Iterator[None]:
    """Let pytest look up each statement once, while the block runs.

    :param config: keeps what was found until the session ends.
    """
    pytests: Any = code  # There is no public way.
    original = getattr(pytests, _NAME, None)
    if original is None:
        yield
        return
    once = _once(original, config.stash.setdefault(_KNOWN, {}))
    setattr(pytests, _NAME, once)
    try:
        yield
    finally:
        if getattr(pytests, _NAME) is once:
            setattr(pytests, _NAME, original)


def _once(original: Callable[..., Any], known: dict[tuple[str, ...], Ranges]) -> Any:
    def find(
        lineno: int, source: Any, assertion: bool = False, astnode: ast.AST | None = None
    ) -> tuple[ast.AST | None, int, int]:
        # By the text: a file may change, and another may take its name.
        ranges = known.setdefault(tuple(source.lines), {})
        found = ranges.get((lineno, assertion))
        if found is None:
            # The tree serves other lines of this traceback; kept for good, it would take much room.
            astnode, *found = original(lineno, source, assertion, astnode)
            ranges[lineno, assertion] = found
        return astnode, *found

    return find
