"""Records the executions of an exploration, and recalls recorded ones instead of running them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.journal.journal import JournalRun, Recorded
from flask_filibuster.results.execution import Execution, Observation
from flask_filibuster.results.result import Pruned

SourcesOf = Callable[[Trace], Mapping[str, str] | None]


def unknown_sources(_trace: Trace) -> None:
    """The default for unknown source files."""


class Recorder:
    """The journal of one exploration, execution by execution.

    :param run: the exploration's part of the journal.
    :param sources: the files that an execution depends on, with digests of their contents;
        ``None`` if unknown.
    :param error_line: formats an exception as one line.
    :ivar recalled: the recalled executions, each with its further data.
    """

    def __init__(
        self,
        run: JournalRun,
        *,
        sources: SourcesOf = unknown_sources,
        error_line: Callable[[BaseException], str] = str,
    ) -> None:
        self.recalled: list[tuple[Execution, str]] = []
        self._run = run
        self._sources = sources
        self._error_line = error_line
        self._times: Counter[FaultSet] = Counter()
        self._known: Recorded | None = None
        self._settings: Mapping[str, Any] = {}

    def has(self, faults: FaultSet) -> bool:
        """Whether the next execution under these faults is recorded."""
        return self._recorded(faults) is not None

    def recall(self, faults: FaultSet) -> Observation | None:
        """The observation of the next execution under these faults, if it is recorded.

        Call :meth:`keep` for the execution all the same.
        """
        self._known = self._recorded(faults)
        return None if self._known is None else self._known.observation

    def _recorded(self, faults: FaultSet) -> Recorded | None:
        if not self._run.resumed:
            return None  # The journal was empty, and this process knows its own records.
        times = self._times[faults] + 1
        known = self._run.recall(faults, times)
        if known is not None and known.verdict == "inconclusive":
            # An inconclusive attempt counts only if its retry was conclusive.
            later = self._run.recall(faults, times + 1)
            return None if later is None or later.verdict == "inconclusive" else known
        if known is None:
            return None
        if known.verdict != "passed" and not faults:
            return None  # It was the last one; the cause may be fixed by now.
        return known

    def keep(
        self,
        execution: Execution,
        observation: Observation,
        *,
        decision: str,
        pruned: list[tuple[Pruned, str]],
        extra: str,
    ) -> None:
        """Record an execution, unless it has just been recalled.

        :param execution: the execution.
        :param observation: its observation.
        :param decision: the decision of the search, in words.
        :param pruned: the sets pruned before it, each with the reason.
        :param extra: the caller's further data.
        :raises JournalError: the execution cannot be written.
        """
        faults = execution.faults
        times = self._times[faults] = self._times[faults] + 1
        known, self._known = self._known, None
        if known is not None and observation is known.observation:
            self.recalled.append((execution, known.extra))
            return
        error = observation.error
        self._run.record(
            faults,
            times,
            observation,
            verdict=execution.verdict,
            purpose=execution.purpose,
            decision=decision,
            error_text="" if error is None else self._error_line(error),
            sources=self._sources(observation.trace),
            extra=extra,
            pruned=_rows_of(pruned),
        )

    def keep_settings(self, settings: Mapping[str, Any]) -> None:
        """Record how the exploration searches, to explain it later.

        :raises JournalError: the settings cannot be written.
        """
        self._settings = settings
        self._run.keep_settings(settings)

    def keep_faults(self, faults: FaultSet) -> None:
        """Record which faults there are, executed or not, in the order of the search.

        :raises JournalError: they cannot be written.
        """
        self._run.keep_settings({**self._settings, "faults": self._run.name(faults)})

    def give_up(self) -> None:
        """Mark the exploration as lost: resuming it begins anew.

        :raises JournalError: the state cannot be written.
        """
        self._run.finish("lost")

    def keep_pruned(self, pruned: list[tuple[Pruned, str]]) -> None:
        """Record sets that were pruned after the last execution.

        :raises JournalError: the sets cannot be written.
        """
        if pruned:
            self._run.keep_pruned(_rows_of(pruned))


def _rows_of(pruned: list[tuple[Pruned, str]]) -> Iterator[tuple[FaultSet, str, str]]:
    return ((each.faults, reason, each.answer) for each, reason in pruned)
