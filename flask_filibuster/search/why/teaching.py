"""Which execution taught the search a step."""

from __future__ import annotations

from collections.abc import Iterable

from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet, FaultsInOrder
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.why.explanation import Step
from flask_filibuster.search.ledger import ending_of
from flask_filibuster.search.nodes import Prediction


class Teaching:
    """The executions by the steps that they were the first to show.

    A step is known from an execution if the caller had made the same calls before it there, with
    the same outcomes: so the search learns, see ``search/behaviour.py``. Steps are numbered along
    each caller's course, which takes one number for each step, however long the course.

    :param executions: the executions, in order.
    """

    def __init__(self, executions: Iterable[Execution]) -> None:
        self._states: dict[tuple[int, str, str], int] = {}
        self._made: dict[tuple[int, ExecutionIndex], int] = {}
        self._ended: dict[tuple[int, ExecutionIndex, str], int] = {}
        self._tests: dict[tuple[int, str], int] = {}
        for execution in executions:
            if execution.verdict != "inconclusive":
                self._take(execution)

    def _take(self, execution: Execution) -> None:
        number = execution.number
        for caller, calls in execution.trace.calls().items():
            state = self._begin(caller)
            for call in calls:
                if call.outcome is None:
                    break
                key = call.outcome.key if call.fault is None else call.fault.outcome.key
                self._made.setdefault((state, call.index), number)
                self._ended.setdefault((state, call.index, key), number)
                state = self._after(state, call.index, key)
            else:
                if caller == ROOT:
                    self._tests.setdefault((state, ending_of(execution)), number)

    def _begin(self, caller: ExecutionIndex) -> int:
        return self._after(0, caller, "")

    def _after(self, state: int, call: str, key: str) -> int:
        return self._states.setdefault((state, call, key), len(self._states) + 1)

    def steps(self, faults: FaultSet, prediction: Prediction) -> tuple[Step, ...]:
        """The steps of a prediction, each with the execution that taught it.

        :param faults: the faults that it is the prediction for.
        """
        in_order = FaultsInOrder(faults)
        called = {call.index.parent for call, _, _ in prediction.calls}
        states: dict[ExecutionIndex, int] = {}
        steps = []
        for call, key, _ in prediction.calls:
            caller = call.index.parent
            state = states.get(caller) or self._begin(caller)
            planned = in_order.of(call)
            outcome = "?" if key is None else key[0]
            # How a call ends is a step of its own only if no steps below it tell.
            told_elsewhere = planned is not None or call.index in called
            by = None if told_elsewhere else self._ended.get((state, call.index, outcome))
            if by is None:
                by = self._made.get((state, call.index))
            steps.append(Step(call, outcome, planned.fault if planned else None, by))
            states[caller] = self._after(state, call.index, outcome)
        return tuple(steps)

    def ended_by(self, steps: Iterable[Step], ending: str) -> int | None:
        """The execution that showed how the test ends after these steps.

        :param ending: the ending of the test.
        """
        state = self._begin(ROOT)
        for step in steps:
            if step.call.index.parent == ROOT:
                state = self._after(state, step.call.index, step.outcome)
        return self._tests.get((state, ending))


def observed(execution: Execution) -> tuple[Step, ...]:
    """The steps of an execution itself."""
    return tuple(
        Step(
            call,
            "?" if call.outcome is None else call.outcome.key,
            call.fault,
            execution.number,
        )
        for call in execution.trace.course()
    )
