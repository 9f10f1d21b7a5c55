"""The arguments of ``explore()``: derived from the option table, so each is declared once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar, cast, get_args

from flask_filibuster.exploring.exploration import Progress
from flask_filibuster.exploring.options import Options
from flask_filibuster.nearest import suggestion
from flask_filibuster.options.documentation import explore_words

Test: TypeAlias = Callable[[], object]
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Arguments(Options):
    """The options of an exploration, and arguments that exist only in Python.

    :ivar executor: runs the executions.
    :ivar name: name of the exploration in the journal.
    :ivar progress: called after each execution, with the search and the execution.
    """

    executor: Executor | None = field(default=None, kw_only=True)
    name: str | None = field(default=None, kw_only=True)
    progress: Progress | None = field(default=None, kw_only=True)


def taking(
    arguments: Callable[P, Arguments],
) -> Callable[[Callable[[Test, Arguments], R]], Callable[Concatenate[Test, P], R]]:
    """A decorator: a function of a test and arguments, called with the arguments one by one.

    Type checkers, ``help()`` and ``inspect.signature()`` see each of them. The docstring gets the
    options of the table, before ``:returns:``.

    :param arguments: creates the second argument of the function.
    """
    known = inspect.signature(arguments).parameters

    def wrap(function: Callable[[Test, Arguments], R]) -> Callable[Concatenate[Test, P], R]:
        @wraps(function)
        def call(test: Test, *args: P.args, **kwargs: P.kwargs) -> R:
            _check_names(function, kwargs, known)
            return function(test, arguments(*args, **kwargs))

        documented: Any = call
        documented.__signature__ = _signature(function, arguments)
        told, returns, rest = (function.__doc__ or "").partition("    :returns:")
        documented.__doc__ = f"{told}{explore_words()}\n{returns}{rest}"
        # A checker cannot know that no argument of P is called test.
        return cast("Callable[Concatenate[Test, P], R]", call)

    return wrap


def _check_names(
    function: Callable[..., Any], given: Iterable[str], known: Collection[str]
) -> None:
    """Refuse an unknown argument in the name of the function that the user called.

    :raises TypeError: there is one.
    """
    for name in given:
        if name not in known:
            raise TypeError(
                f"{function.__name__}() has no argument {name!r}; {suggestion(name, known)}"
            )


def _signature(function: Callable[..., Any], arguments: Callable[..., Any]) -> inspect.Signature:
    own = inspect.signature(function)
    test = own.parameters["test"]
    return own.replace(
        parameters=[test, *map(_plain, inspect.signature(arguments).parameters.values())]
    )


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """A parameter with its type alone, without its row in the table."""
    if not hasattr(parameter.annotation, "__metadata__"):
        return parameter
    return parameter.replace(annotation=get_args(parameter.annotation)[0])
