"""The function of a test, in the scope of its execution, wherever a plugin runs it.

A coroutine runs in the context of an event loop that a fixture, or a ``TestCase``, made earlier:
not even during this execution, if the loop is the module's. ``setUp`` and ``tearDown`` of a
``TestCase`` run in one go with the test, and are no more part of it than fixtures are.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from _pytest.unittest import TestCaseFunction

from flask_filibuster.instrumentation.frames import Scope, current_scope, enter
from flask_filibuster.pytest_plugin.beside.examples import OneExample


@contextmanager
def in_body(
    item: pytest.Item, outside: Scope | None, example: OneExample | None, *, skipped: bool
) -> Iterator[None]:
    """Run the block in the scope of an execution, but for what is not the test itself.

    :param item: the test.
    :param outside: the scope of its fixtures.
    :param example: runs one example of a property; ``None``: all of its examples run.
    :param skipped: whether not to run its function.
    """
    if not isinstance(item, pytest.Function):
        yield
        return
    scope = current_scope()
    is_case = isinstance(item, TestCaseFunction)
    if is_case:
        enter(outside)  # The TestCase may be made only now, and copies the context.
    original = item.obj
    function = original if example is None else example.of(original)
    if skipped:
        function = _nothing(original)
    item.obj = _in_scope(function, scope) if is_case or _is_async(function) else function
    if is_case:
        # pytest itself does so, but for coroutines.
        vars(_case_of(item))[item.name] = item.obj
    try:
        yield
    finally:
        enter(scope)
        item.obj = original
        if is_case:
            vars(_case_of(item)).pop(item.name, None)


def _case_of(item: Any) -> Any:
    # Before pytest 8.2, the instance of the item was another one.
    return getattr(item, "_testcase", None) or item.instance


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function)


def _nothing(function: Callable[..., Any]) -> Callable[..., Any]:
    async def nothing_async(**_fixtures: object) -> None:
        pass

    def nothing(**_fixtures: object) -> None:
        pass

    return functools.wraps(function)(nothing_async if _is_async(function) else nothing)


def _in_scope(function: Callable[..., Any], scope: Scope | None) -> Callable[..., Any]:
    @contextmanager
    def entered() -> Iterator[None]:
        before = current_scope()
        enter(scope)
        try:
            yield
        finally:
            enter(before)

    @functools.wraps(function)
    async def run_async(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with entered():
            return await function(*args, **kwargs)

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with entered():
            return function(*args, **kwargs)

    return run_async if _is_async(function) else run
