"""The vocabulary of records and reports, as types.

In one place, so that the type checker finds misspelt words and no bare string occurs twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

Verdict: TypeAlias = Literal["passed", "failed", "inconclusive"]
"""How an execution ended. *Inconclusive*: the plan did not happen, so it proves nothing."""

VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)

ExplorationVerdict: TypeAlias = Literal["ok", "bugs", "no proof"]
"""How an exploration ended: see :mod:`flask_filibuster.results.proof`."""

EXIT_CODES: Final[Mapping[ExplorationVerdict, int]] = MappingProxyType(
    {"ok": 0, "bugs": 1, "no proof": 2}
)

Purpose: TypeAlias = Literal["search", "repeat", "exhaustive", "audit", "shrink", "probe"]
"""Why an execution is made: see :class:`~flask_filibuster.results.execution.Execution`."""

PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)

Severity: TypeAlias = Literal["error", "warning", "note"]
"""The severity of a finding: a bug, a risk, or useful information."""

Family: TypeAlias = Literal["http", "sql", "cache", "mail", "queue", "rpc", "other"]
"""The kind of operation of a call, independent of the client."""

Point: TypeAlias = Literal["before", "after", "answer", "late", "received", "body"]
"""The point of a call at which a fault acts.

``"before"``: instead of connecting. ``"after"``: the call is made and its answer is lost.
``"answer"``: a synthetic answer replaces the call. ``"late"``: the call is made, and its real
answer is held back. ``"received"``: the call is made, and its real answer remade, head and body.
``"body"``: the call is made, and the body of its real answer is altered while it is read.
"""

Failure: TypeAlias = Literal[
    "refused",
    "name not resolved",
    "connect timeout",
    "certificate not trusted",
    "proxy unreachable",
    "tunnel refused",
    "reset",
    "closed",
    "read timeout",
]
"""A failure of the network below a client's library, which makes its own exception of it."""

OF_REAL_ANSWER: Final[frozenset[Point]] = frozenset({"late", "received", "body"})
"""The points at which a fault is made of the real answer, so that the call is made first."""

Encoding: TypeAlias = Literal["gzip", "deflate", "charset"]
"""What a body may not be, although its headers say so: compressed, or in its character set."""

ReductionName: TypeAlias = Literal["equivalence", "exact", "none"]
"""How fault sets that would show nothing new are recognised."""

ProfileName: TypeAlias = Literal["quick", "standard", "thorough"]
"""How many kinds of fault to try."""

DEFAULT_PROFILE: Final[ProfileName] = "standard"

Limit: TypeAlias = Literal["max_executions", "max_seconds", "fail_fast"]
"""The limit that ended an exploration."""

EXECUTION: Final = "FILIBUSTER_EXECUTION"
"""The environment variable that tells a process of the execution to which it belongs."""


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun.

    >>> counted(1, "execution"), counted(2, "execution")
    ('1 execution', '2 executions')
    """
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
