"""Hypothesis: of a property, one example is explored.

It is the first ``@example``, or else the first that Hypothesis generates, the simplest, in each
execution again. Hypothesis runs it, so that ``note()``, ``target()`` and ``data()`` work.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flask_filibuster.results.findings import shortened

NOT_EXPLORABLE = (
    "a stateful test of Hypothesis can't be explored, as each of its runs takes other steps: "
    "write one run down as a test, and mark that"
)
REJECTED = "the explored example does not satisfy the test's assumptions under these faults"

_SETTINGS = "_hypothesis_internal_use_settings"


class _EndedError(BaseException):
    """The example has ended; Hypothesis lets it through, and tries no other."""

    def __init__(self, error: BaseException | None) -> None:
        super().__init__()
        self.error = error


def is_stateful(function: Callable[..., Any]) -> bool:
    """Whether a test function is a stateful test of Hypothesis, which has no example."""
    return getattr(function, "is_hypothesis_test", False) and not hasattr(function, "hypothesis")


class OneExample:
    """The example of a test.

    :ivar words: the example in words, after an execution; empty: the test is no property.
    """

    def __init__(self) -> None:
        self.words = ""
        self._number: int | None = None

    def notes(self) -> Iterator[str]:
        """What the exploration of one example leaves open."""
        if self.words:
            yield f"of this property, one example is explored: {self.words}"

    def of(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A test function that runs one example; the same function if it is no property."""
        if not getattr(function, "is_hypothesis_test", False):
            return function
        if is_stateful(function):
            raise pytest.fail.Exception(NOT_EXPLORABLE, pytrace=False)
        handle: Any = function.hypothesis  # type: ignore[attr-defined]

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            error = self._error_of(function, handle, args, kwargs)
            if error is not None:
                raise error

        return run

    def _error_of(
        self, function: Callable[..., Any], handle: Any, args: Any, kwargs: Any
    ) -> BaseException | None:
        """Run the example; the exception that it ended in, if any."""
        inner = handle.inner_test
        handle.inner_test = self._once(inner, kwargs)
        try:
            with _deterministic(function):
                function(*args, **kwargs)
        except _EndedError as ended:
            return ended.error
        finally:
            handle.inner_test = inner
        raise pytest.fail.Exception("Hypothesis ran no example of this test", pytrace=False)

    def _once(self, inner: Callable[..., Any], fixtures: Any) -> Callable[..., Any]:
        from hypothesis.errors import StopTest, UnsatisfiedAssumption

        tried = 0

        @functools.wraps(inner)
        def once(*args: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            nonlocal tried
            tried += 1
            error: BaseException | None = None
            try:
                inner(*args, **kwargs)
            except StopTest:
                raise
            except UnsatisfiedAssumption:
                if tried != self._number:
                    raise
                error = pytest.skip.Exception(REJECTED)
            except BaseException as raised:  # noqa: BLE001 - it is raised again
                error = raised
            self._number = tried
            given = ("self", *fixtures)
            drawn = {name: value for name, value in kwargs.items() if name not in given}
            told = ", ".join(f"{name}={value!r}" for name, value in drawn.items())
            self.words = self.words or shortened(told)
            raise _EndedError(error)

        return once


@contextmanager
def _deterministic(function: Any) -> Iterator[None]:
    """Let Hypothesis generate the same examples each time."""
    from hypothesis import HealthCheck, Phase, settings

    # Where Hypothesis' own plugin for pytest changes settings, too.
    place = getattr(function, "__func__", function)
    before = vars(place).get(_SETTINGS)
    changed = settings(
        settings.default if before is None else before,
        database=None,
        derandomize=True,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=tuple(HealthCheck),
    )
    setattr(place, _SETTINGS, changed)
    try:
        yield
    finally:
        if before is None:
            delattr(place, _SETTINGS)
        else:
            setattr(place, _SETTINGS, before)
