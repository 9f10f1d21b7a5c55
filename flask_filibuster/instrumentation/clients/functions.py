"""The function behind what is called, as tests and other instrumentation wrap it."""

from __future__ import annotations

import inspect
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any


def function_of(called: Any) -> Any:
    """The function below bound methods and decorators; ``None`` for what is no function.

    Objects that can be called are not asked: some answer any question with another such object
    (``xmlrpc.client.ServerProxy``).

    >>> from contextlib import contextmanager
    >>> function_of(contextmanager(print)) is print
    True
    >>> function_of(object()) is None
    True

    :param called: a function, a method, a wrapper of wrapt; or anything else.
    """
    if isinstance(called, MethodType):
        called = called.__func__
    is_function = isinstance(called, (FunctionType, BuiltinFunctionType))
    return inspect.unwrap(called) if is_function else None


def mock_within(value: Any) -> Any:
    """The mock object that a value is, or that a function with a specification asks."""
    if is_mock(value):
        return value
    inner = vars(value).get("mock") if isinstance(value, FunctionType) else None
    return inner if is_mock(inner) else None


def is_mock(value: Any) -> bool:
    """Whether it is a mock object of ``unittest.mock``, or of its backport."""
    return any(each.__name__ == "NonCallableMock" for each in type(value).__mro__)
