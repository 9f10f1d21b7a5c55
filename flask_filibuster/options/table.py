"""The table: every option of Flask-Filibuster, with its type, meaning, default and places.

To add an option, add a field here and use it where it applies; command lines, pytest's options and
ini keys, the mark, ``explore()``, ``[tool.filibuster]``, ``FILIBUSTER_…`` and the README's tables
are made from it (the README with ``python -m tests.support.readme``).

``None`` means "not given": the next source in the order of precedence applies
(see :mod:`flask_filibuster.options.layers`).
"""

# Without "from __future__ import annotations": the annotations are the table.
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from flask_filibuster.core.url_patterns import UrlPattern
from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.options import kinds
from flask_filibuster.options.option import Option, Place, declared

JOURNAL: Final = ".filibuster/journal.sqlite3"
CONVENTION: Final = "filibuster_services"
"""The variable of an app's module that names its services where no option does."""

_RUNNERS: Final[tuple[Place, ...]] = (
    *("python", "mark", "pytest", "project"),
    *("explore", "test", "serve"),
)
_EVERYWHERE: Final[tuple[Place, ...]] = (*_RUNNERS, "config", "server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Options of an exploration that an app's configuration can hold, too."""

    reduction: Annotated[
        ReductionName | None,
        Option(
            kinds.REDUCTION,
            "Which fault sets to prune: all but one of the faults with the same observable effect "
            "(equivalence), only sets that would show nothing new (exact), or none.",
            _EVERYWHERE,
            default="equivalence",
        ),
    ] = None
    max_faults: Annotated[
        int | None,
        Option(
            kinds.LIMIT,
            "Maximum number of faults in a set (faults that are needed to reach a call excluded).",
            _EVERYWHERE,
            default_words="no limit",
        ),
    ] = None
    max_executions: Annotated[
        int | None,
        Option(
            kinds.LIMIT,
            "Maximum number of executions (retries excluded).",
            _EVERYWHERE,
            default_words="no limit",
        ),
    ] = None
    max_seconds: Annotated[
        float | None,
        Option(
            kinds.TIME_LIMIT,
            "Time after which no new execution starts.",
            _EVERYWHERE,
            default_words="no limit",
        ),
    ] = None
    check_determinism: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "Run the fault-free execution twice and report what differs.",
            _EVERYWHERE,
            default=True,
        ),
    ] = None
    exhaustive: Annotated[
        bool | None,
        Option(
            kinds.FLAG, "Run all pruned fault sets after the others.", _EVERYWHERE, default=False
        ),
    ] = None
    audit: Annotated[
        int | None,
        Option(
            kinds.COUNT,
            "Number of pruned fault sets to run as a check of the reduction.",
            _EVERYWHERE,
            default=0,
        ),
    ] = None
    audit_seed: Annotated[
        int | None,
        Option(kinds.COUNT, "Seed of the choice of these fault sets.", _EVERYWHERE, default=0),
    ] = None
    analysis_file: Annotated[
        str | None,
        Option(
            kinds.FILE,
            "Analysis file that says which calls can fail how.",
            (*_RUNNERS, "config"),
            default_words="exceptions, and the statuses found in the source of the services",
        ),
    ] = None
    journal: Annotated[
        str | bool | None,
        Option(
            kinds.JOURNAL_FILE,
            "File in which every execution is recorded.",
            ("python", "pytest", "project", "explore", "test", "config"),
            default=JOURNAL,
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions(Shared):
    """Options of one app, all of them in its configuration."""

    enabled: Annotated[
        bool,
        Option(kinds.FLAG, "`False`: the extension registers nothing in the app.", ("config",)),
    ] = True
    server_url: Annotated[
        str | None,
        Option(
            kinds.URL,
            "URL of a Filibuster server that runs elsewhere.",
            ("config",),
            default_words="the server embedded in the process",
            environment=True,
        ),
    ] = None
    token: Annotated[
        str | None,
        Option(
            kinds.TOKEN,
            "Secret shared with the server and all services; unsigned requests are ordinary "
            "traffic.",
            ("config",),
            environment=True,
        ),
    ] = field(default=None, repr=False)
    service_name: Annotated[
        str | None,
        Option(
            kinds.NAME,
            "Name of the service in faults and reports.",
            ("config",),
            default_words="the host of its URL, else the app's name",
        ),
    ] = None
    instrument_requests: Annotated[
        bool,
        Option(
            kinds.FLAG,
            "`False`: only calls through a `FilibusterAdapter` mounted by hand are seen.",
            ("config",),
        ),
    ] = True
    timeout: Annotated[
        float,
        Option(
            kinds.SECONDS,
            "Time to wait for the app's threads and calls after an execution, and for a server.",
            ("config",),
        ),
    ] = 5.0
    max_sleep: Annotated[
        float,
        Option(
            kinds.ANY_SECONDS,
            "Maximum time that a fault makes the service wait; a longer fault isn't injected.",
            ("config",),
        ),
    ] = 10.0
    excluded_hosts: Annotated[
        tuple[str, ...],
        Option(
            kinds.HOSTS,
            "Hosts whose calls are left alone; `.example.com` means all hosts below it.",
            ("config",),
        ),
    ] = ()
    url_patterns: Annotated[
        tuple[UrlPattern, ...],
        Option(
            kinds.URL_PATTERNS,
            "Parts of URLs that vary between executions and are ignored when calls are compared: "
            '`"uuid"`, `"number"`, `"date"`, regular expressions, or pairs of one of these and its '
            "replacement.",
            ("config",),
        ),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored(Shared):
    """Options of one exploration."""

    slow: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "Hold each call that has a timeout until just past it, instead of failing it.",
            _RUNNERS,
            default=False,
        ),
    ] = None
    settle: Annotated[
        float | None,
        Option(
            kinds.SECONDS,
            "Time to wait, after each execution, for threads and calls that still run.",
            _RUNNERS,
            default_words="`FILIBUSTER_TIMEOUT`",
        ),
    ] = None
    services: Annotated[
        Any,
        Option(
            kinds.SERVICES,
            "Services that run in this process: a mapping of Flask apps by base URL, or a "
            "function that returns one.",
            ("python", "pytest", "project", "explore", "test"),
        ),
    ] = None
    workers: Annotated[
        int | None,
        Option(
            kinds.COUNT,
            "Number of executions to run at once, each in a process of its own.",
            ("python", "project", "explore"),
            default_words="one after the other, in this process",
        ),
    ] = None
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
        Option(kinds.FLAG, "Show what the services log.", ("project", "explore"), default=False),
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
            ("python", "pytest", "explore"),
            default=False,
        ),
    ] = None
    strict: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "Fail a test for findings of oracles, too.",
            ("mark", "pytest", "project"),
            default=False,
        ),
    ] = None


ROWS: Final[tuple[Option, ...]] = tuple(
    {each.name: each for table in (Explored, AppOptions) for each in declared(table)}.values()
)
"""All options."""


def rows(*places: Place) -> tuple[Option, ...]:
    """The options that can be given in all of these places, in the order of the table.

    >>> [each.name for each in rows("pytest", "config")][:2]
    ['reduction', 'max_faults']
    """
    return tuple(each for each in ROWS if set(places) <= set(each.places))


def row(name: str) -> Option:
    """The option of that name.

    :raises KeyError: there is none.
    """
    return {each.name: each for each in ROWS}[name]
