"""The words that records and reports use for what they tell apart, as types.

One place, so that a misspelt word is an error of the type checker and no bare string stands twice.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

Verdict: TypeAlias = Literal["passed", "failed", "inconclusive"]
"""How an execution ended. *Inconclusive*: what was planned did not happen, so it proves nothing."""

VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)

Purpose: TypeAlias = Literal["search", "repeat", "exhaustive", "audit", "shrink"]
"""Why an execution is made: see :class:`~flask_filibuster.results.execution.Execution`."""

PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)

Severity: TypeAlias = Literal["error", "warning", "note"]
"""How bad a finding is: a bug, something that asks for one, or something worth knowing."""

Family: TypeAlias = Literal["http", "sql", "cache", "mail", "queue", "rpc", "other"]
"""What sort of operation a call is, whichever client makes it."""

FAMILIES: Final[tuple[Family, ...]] = get_args(Family)

Point: TypeAlias = Literal["before", "after", "answer", "body"]
"""At which point of a call a fault acts.

``"before"``: instead of connecting. ``"after"``: the call is made and its answer is lost.
``"answer"``: an answer is made up, and the call is not made. ``"body"``: the call is made, and its
real answer breaks while the body is read.
"""

ReductionName: TypeAlias = Literal["equivalence", "exact", "none"]
"""How fault sets that would show nothing new are told."""

Limit: TypeAlias = Literal["max_executions", "max_seconds"]
"""Which limit ended an exploration."""
