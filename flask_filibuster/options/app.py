"""The part of the table for an app's configuration: the only part that production apps read.

Every app with the extension imports this module; :mod:`flask_filibuster.options.table` adds the
options that only explorations have.
"""

# Without "from __future__ import annotations": the annotations are the table.
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.options import kinds
from flask_filibuster.options.option import Option, Place, declared

if TYPE_CHECKING:
    from flask_filibuster.core.url_patterns import UrlPattern

JOURNAL: Final = ".filibuster/journal.sqlite3"
RUNNERS: Final[tuple[Place, ...]] = (
    *("python", "mark", "pytest", "project"),
    *("explore", "test", "serve"),
)
EVERYWHERE: Final[tuple[Place, ...]] = (*RUNNERS, "config", "server")

MAX_EXECUTIONS: Final = 10_000
MAX_SECONDS: Final = 3600.0
"""What an exploration takes at most unless a user sets other limits."""

Faults: TypeAlias = Annotated[
    Any,
    Option(
        kinds.FAULTS,
        "Which calls can fail how: a profile, or a file that lists faults.",
        (*RUNNERS, "config"),
        default_words="`standard`",
    ),
]
"""A row of two classes: in Python it comes after ``services``, without its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Options of an exploration that are also keys of an app's configuration."""

    reduction: Annotated[
        ReductionName | None,
        Option(
            kinds.REDUCTION,
            "Which fault sets to prune: all but one of the faults with the same observable effect "
            "(equivalence), only sets that would show nothing new (exact), or none.",
            EVERYWHERE,
            default="equivalence",
        ),
    ] = None
    max_faults: Annotated[
        int | None,
        Option(
            kinds.LIMIT,
            "Maximum number of faults in a set (faults that are needed to reach a call excluded).",
            EVERYWHERE,
            default_words="no limit",
        ),
    ] = None
    max_executions: Annotated[
        int | None,
        Option(
            kinds.LIMIT,
            "Maximum number of executions (retries excluded).",
            EVERYWHERE,
            default_words=f"{MAX_EXECUTIONS:,}",
        ),
    ] = None
    max_seconds: Annotated[
        float | None,
        Option(
            kinds.TIME_LIMIT,
            "Time after which no new execution starts.",
            EVERYWHERE,
            default_words=f"{MAX_SECONDS:g}",
        ),
    ] = None
    fail_fast: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "Stop at the first bug.",
            EVERYWHERE,
            default=False,
        ),
    ] = None
    check_determinism: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "Run the fault-free execution twice and report what differs.",
            EVERYWHERE,
            default=True,
        ),
    ] = None
    exhaustive: Annotated[
        bool | None,
        Option(
            kinds.FLAG, "Run all pruned fault sets after the others.", EVERYWHERE, default=False
        ),
    ] = None
    outages: Annotated[
        bool | None,
        Option(
            kinds.FLAG,
            "Also fail every call to a service, or of one call site, throughout an execution, and "
            "only the first few of them.",
            EVERYWHERE,
            default_words="the profile says it",
        ),
    ] = None
    audit: Annotated[
        int | None,
        Option(
            kinds.COUNT,
            "Number of pruned fault sets to run as a check of the reduction; not given: a few that "
            "most likely differ.",
            EVERYWHERE,
            default=0,
        ),
    ] = None
    audit_seed: Annotated[
        int | None,
        Option(kinds.COUNT, "Seed of the choice of these fault sets.", EVERYWHERE, default=0),
    ] = None
    analysis_file: Annotated[
        str | PathLike[str] | None,
        Option(
            kinds.FILE,
            "Analysis file that says which calls can fail how.",
            (*RUNNERS, "config"),
            default_words="exceptions, and the statuses found in the source of the services",
        ),
    ] = None
    oracles: Annotated[
        Iterable[Any] | None,
        Option(
            kinds.ORACLES,
            "Names of oracles to switch off (`answer-500`), and oracles to add (`module:name`).",
            ("python", "mark", "pytest", "project", "explore", "test", "config"),
            default=(),
            default_words="all installed ones",
        ),
    ] = None
    unexplored: Annotated[
        str | Iterable[str] | None,
        Option(
            kinds.UNEXPLORED,
            "Consequence of unexplored calls, which leave the process and could not be made to "
            "fail: `fail` (the exploration proves nothing) or `warn`; a list also names those that "
            "are fine: hosts, `host:port`, commands, names of what stand-ins replace.",
            ("python", "mark", "pytest", "project", "explore", "config"),
            default=("warn",),
            default_words="`warn`",
        ),
    ] = None
    journal: Annotated[
        str | PathLike[str] | bool | None,
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

    faults: Faults = None

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
            default_words="the host of its URL; on this machine or without a URL, the app's name",
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
    allowed_hosts: Annotated[
        tuple[str, ...],
        Option(
            kinds.HOSTS,
            "Hosts on other machines that explorations may really call; `.example.com` means all "
            "hosts below it. A call to any other is stopped.",
            ("config",),
        ),
    ] = ()
    url_patterns: Annotated[
        "tuple[UrlPattern, ...]",
        Option(
            kinds.URL_PATTERNS,
            "Parts of URLs that vary between executions and are ignored when calls are compared: "
            '`"uuid"`, `"number"`, `"date"`, regular expressions, or pairs of one of these and its '
            "replacement.",
            ("config",),
        ),
    ] = ()

    def __post_init__(self) -> None:
        """Replace ``None`` by the default."""
        for each in APP_ROWS:
            if getattr(self, each.name) is None:
                object.__setattr__(self, each.name, each.default)


APP_ROWS: Final[tuple[Option, ...]] = declared(AppOptions)
"""The options of an app's configuration, in the order of the table."""
