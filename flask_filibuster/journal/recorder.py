"""What an exploration keeps on disk, and takes from there instead of running it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.journal.journal import JournalRun, Recorded
from flask_filibuster.results.execution import Execution, Observation
from flask_filibuster.results.result import Pruned

SourcesOf = Callable[[Trace], Mapping[str, str] | None]


def unknown_sources(_trace: Trace) -> None:
    """Nothing is known of the source files behind an execution."""


class Recorder:
    """The journal of one exploration, execution by execution.

    :param run: the exploration's part of the journal.
    :param sources: the files, with digests of their content, that an execution depended on;
        ``None`` where that is unknown.
    :param error_line: an exception in a line.
    :ivar recalled: the executions that were not run again, and what was kept with each.
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

    def has(self, faults: FaultSet) -> bool:
        """Whether the next execution under these faults need not be run."""
        return self._recorded(faults) is not None

    def recall(self, faults: FaultSet) -> Observation | None:
        """What the next execution under these faults showed, if it was recorded.

        The execution itself is to be told of by :meth:`keep` all the same.
        """
        self._known = self._recorded(faults)
        return None if self._known is None else self._known.observation

    def _recorded(self, faults: FaultSet) -> Recorded | None:
        if not self._run.resumed:
            return None  # Nothing was there, and what was recorded since is known.
        times = self._times[faults] + 1
        known = self._run.recall(faults, times)
        if known is not None and known.verdict == "inconclusive":
            # Whoever goes on wants to know what was lost, if it was for good.
            later = self._run.recall(faults, times + 1)
            return None if later is None or later.verdict == "inconclusive" else known
        if known is None:
            return None
        if known.verdict != "passed" and not faults:
            return None  # Nothing came after it, and somebody may have put it right.
        return known

    def keep(
        self,
        execution: Execution,
        observation: Observation,
        *,
        decision: str,
        left_out: list[tuple[Pruned, str]],
        extra: str,
    ) -> None:
        """Record an execution, unless it has just been recalled.

        :param execution: the execution.
        :param observation: what it showed.
        :param decision: what the search makes of it, in words.
        :param left_out: the sets that were left out before it, each with the reason.
        :param extra: what the caller wants kept with it.
        :raises JournalError: it cannot be written.
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
            left_out=_told(left_out),
        )

    def give_up(self) -> None:
        """Some of what happened was lost: continuing this exploration begins anew.

        :raises JournalError: that cannot be written.
        """
        self._run.finish("lost")

    def keep_left_out(self, left_out: list[tuple[Pruned, str]]) -> None:
        """Record sets that were left out after the last execution.

        :raises JournalError: they cannot be written.
        """
        if left_out:
            self._run.leave_out(_told(left_out))


def _told(left_out: list[tuple[Pruned, str]]) -> Iterator[tuple[FaultSet, str, str]]:
    return ((each.faults, reason, each.answer) for each, reason in left_out)
