"""The table: every option of Flask-Filibuster, with its type, meaning, default and places.

To add an option, add a field here, or in :mod:`flask_filibuster.options.app` if an app's
configuration has it, and use it where it applies. Command lines, pytest's options and ini keys, the
mark, ``explore()``, ``[tool.filibuster]``, ``FILIBUSTER_…`` and the README's tables are generated
from it (the README with ``python -m tests.support.readme``).

``None`` means "not given": the next source in the order of precedence applies
(see :mod:`flask_filibuster.options.layers`).
"""

# Without "from __future__ import annotations": the annotations are the table.
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeAlias

from flask_filibuster.options import kinds
from flask_filibuster.options.app import APP_ROWS, JOURNAL, RUNNERS, AppOptions, Faults, Shared
from flask_filibuster.options.option import Option, Place, declared

__all__ = [
    "CONVENTION",
    "JOURNAL",
    "ROWS",
    "AppOptions",
    "Explored",
    "Frontend",
    "Services",
    "Shared",
    "row",
    "rows",
]

CONVENTION: Final = "filibuster_services"
"""The variable of an app's module that gives its services if no option does."""

Services: TypeAlias = Mapping[str, Any] | Callable[[], Mapping[str, Any]] | str | None
"""Apps by base URL; or a function that returns them, or ``"module:name"`` of either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored(Shared):
    """Options of one exploration."""

    slow: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "Hold each call that has a timeout until just past it, instead of failing it.",
            RUNNERS,
            default=False,
        ),
    ] = None
    settle: Annotated[
        float | None,
        Option(
            kinds.SECONDS,
            "Time to wait, after each execution, for threads and calls that still run.",
            RUNNERS,
            default_words="`FILIBUSTER_TIMEOUT`",
        ),
    ] = None
    virtual_time: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "Let time pass at once where services of this process sleep, back off or wait for a "
            "timeout.",
            ("python", "mark", "pytest", "project", "explore"),
            default=True,
        ),
    ] = None
    max_latency: Annotated[
        float | None,
        Option(
            kinds.TIME_LIMIT,
            "Seconds that a request of the test may take, by the clock of its execution; more is "
            "a bug.",
            ("python", "mark", "pytest", "project", "explore"),
            default_words="no limit",
        ),
    ] = None
    services: Annotated[
        Services,
        Option(
            kinds.SERVICES,
            "Services that run in this process: a mapping of Flask apps by base URL, or a "
            "function that returns one.",
            ("python", "pytest", "project", "explore", "test"),
        ),
    ] = field(default=None, kw_only=False)
    faults: Faults = field(default=None, kw_only=False)
    workers: Annotated[
        int | None,
        Option(
            kinds.COUNT,
            "Number of executions to run at once, each in a process of its own.",
            ("python", "project", "explore", "test"),
            default_words="one after the other, in this process",
        ),
    ] = None
    resume: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "Continue the last exploration of this name from the journal.",
            ("python", "pytest", "explore", "test"),
            default=False,
        ),
    ] = None
    changed: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "Skip executions that passed before and whose source files haven't changed.",
            ("python", "pytest", "explore", "test"),
            default=False,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)  # Without slots: it is a second base class.
class Frontend:
    """Options of only pytest and the commands."""

    dask: Annotated[
        str | None,
        Option(
            kinds.ADDRESS,
            "Run the executions on the Dask cluster whose scheduler has this address; the cluster "
            "must be able to import the app by the same name (needs "
            "flask-filibuster[distributed]).",
            ("project", "explore"),
        ),
    ] = None
    verbose: Annotated[
        bool | None,
        Option(
            kinds.FLAG, "Show what the services log.", ("project", "explore", "test"), default=False
        ),
    ] = None
    strict: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "Fail a test for bugs that oracles find, instead of a warning.",
            ("mark", "pytest", "project"),
            default=False,
        ),
    ] = None
    all: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "Explore every test that makes a call, marked or not; in a test without a mark, "
            "assertions count without faults only.",
            ("pytest", "project"),
            default=False,
        ),
    ] = None
    session_seconds: Annotated[
        float | None,
        Option(
            kinds.TIME_LIMIT,
            "Time after which `all` starts no new execution in this session.",
            ("pytest", "project"),
            default_words="no limit",
        ),
    ] = None
    explore: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "`False`: run the test once, as without a mark, also with `--filibuster-all`.",
            ("mark",),
            default=True,
        ),
    ] = None


ROWS: Final[tuple[Option, ...]] = tuple(
    {each.name: each for each in (*declared(Explored), *declared(Frontend), *APP_ROWS)}.values()
)
"""All options."""


def rows(*places: Place) -> tuple[Option, ...]:
    """The options that all of these places accept, in the order of the table.

    >>> [each.name for each in rows("pytest", "config")][:2]
    ['reduction', 'max_faults']
    """
    return tuple(each for each in ROWS if set(places) <= set(each.places))


def row(name: str) -> Option:
    """The option with this name.

    :raises KeyError: there is none.
    """
    return {each.name: each for each in ROWS}[name]
