"""What has been learned about each handler, and what it predicts.

A handler is the handling of one request by one service, named by its execution index; the test
itself is the handler at the root. What it did is kept as a tree: after a sequence of calls and
their outcomes, it made this next call, or gave that answer. The paper's dynamic reduction (SoCC
'21, section 4.4) is a look-up in these trees: a test execution of which every step is in them would
show nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault_set import PlannedFault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Invocation, Trace

Key = tuple[str, str | None]
"""An outcome as a handler may tell it from others: status or exception, and body digest."""


class Node:
    """A state of a handler: what it does next, having seen the outcomes that lead here."""

    __slots__ = ("ambiguous", "answer", "branches", "call", "natural")

    def __init__(self) -> None:
        self.call: Invocation | None = None
        self.branches: dict[Key, Node] = {}
        # How the call ends by itself, where no handler of its own tells.
        self.natural: Key | None = None
        # What whoever called the handler sees, where the handler ends here.
        self.answer: Key | None = None
        # The same outcomes led to something else at another time: nothing can be predicted.
        self.ambiguous = False


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the trees say about a test execution.

    :ivar calls: the calls that it makes, in order, as far as is known, with their outcomes.
    :ivar answer: how the test ends, or ``None`` where a step on the way is unknown.
    """

    calls: list[tuple[Invocation, Key | None]]
    answer: str | None


class Behaviour:
    """Trees of everything that any handler was seen to do."""

    def __init__(self) -> None:
        self._trees: dict[ExecutionIndex, Node] = {}
        self._volatile: set[ExecutionIndex] = set()
        self.ambiguities: list[tuple[ExecutionIndex, str, str]] = []

    def predict(self, faults: Mapping[ExecutionIndex, PlannedFault]) -> Prediction:
        """Follow the trees from the test down, with the faults' outcomes in place of the real.

        Takes time in the number of calls of the predicted execution, whatever has been learned.
        """
        calls: list[tuple[Invocation, Key | None]] = []
        end = self._follow(ROOT, faults, calls)
        return Prediction(calls, end.answer[0] if end is not None and end.answer else None)

    def _follow(
        self,
        index: ExecutionIndex,
        faults: Mapping[ExecutionIndex, PlannedFault],
        calls: list[tuple[Invocation, Key | None]],
    ) -> Node | None:
        """The state in which a handler ends, or ``None`` where it does something unknown."""
        node = self._trees.get(index)
        while node is not None and not node.ambiguous:
            call = node.call
            if call is None:
                return node if node.answer is not None else None
            place = len(calls)
            calls.append((call, None))
            key = self._outcome(node, call, faults, calls)
            if key is None:
                return None
            calls[place] = (call, key)
            node = node.branches.get(key)
        return None

    def _outcome(
        self,
        node: Node,
        call: Invocation,
        faults: Mapping[ExecutionIndex, PlannedFault],
        calls: list[tuple[Invocation, Key | None]],
    ) -> Key | None:
        planned = faults.get(call.index)
        if planned is not None and planned.fault.abort:
            return planned.fault.outcome.key, None
        if call.index in self._trees:
            end = self._follow(call.index, faults, calls)
            if end is None:
                return None
            natural = end.answer
            if natural is not None and call.index in self._volatile:
                natural = natural[0], None
        else:
            natural = node.natural
        if planned is not None:
            return planned.fault.outcome.key, None
        return natural

    def learn(self, trace: Trace, verdict: str) -> None:
        """Add what an execution showed.

        :param trace: the execution's trace.
        :param verdict: how the test ended; equal for executions that ended alike.
        """
        calls = trace.calls()
        handlers = dict.fromkeys([ROOT, *trace.handlings, *calls])
        # From the innermost out: whether a body is volatile has to be known where it is received.
        for index in sorted(handlers, key=len, reverse=True):
            node = self._walk(index, calls.get(index, []), trace)
            if node is not None:
                self._end(index, node, trace, verdict)

    def _walk(self, index: ExecutionIndex, calls: list[Invocation], trace: Trace) -> Node | None:
        """Follow, and grow, the handler's tree; the state it ends in, if that is beyond doubt."""
        node = self._trees.setdefault(index, Node())
        for call in calls:
            if call.outcome is None or node.ambiguous:
                return None
            if node.answer is not None or (node.call and node.call.index != call.index):
                self._conflict(index, node, call.describe())
                return None
            if node.call is None:
                node.call = call
            key = self._key(call.index, call.outcome)
            if call.fault is None and not self._accept(node, call, key, trace):
                self._conflict(index, node, f"{call.describe()} ended in {call.outcome}")
                return None
            node = node.branches.setdefault(key, Node())
        return None if node.ambiguous else node

    def _accept(self, node: Node, call: Invocation, key: Key, trace: Trace) -> bool:
        """Whether a call ended by itself as it did before, as far as its callee does not tell."""
        if call.index in self._trees:
            return call.index in trace.handlings
        if node.natural is None:
            node.natural = key
        return node.natural == key

    def _end(self, index: ExecutionIndex, node: Node, trace: Trace, verdict: str) -> None:
        key = (verdict, None) if index == ROOT else self._answer(index, trace)
        if key is None:
            return
        if node.call is not None:
            self._conflict(index, node, f"an answer, {key[0]}")
        elif node.answer is None or node.answer == key:
            node.answer = key
        elif node.answer[0] == key[0]:
            # Same status, another body, though nothing differed: a time, an id, a counter.
            self._volatile.add(index)
            node.answer = (key[0], None)
        else:
            self._conflict(index, node, f"an answer, {key[0]}")

    def _answer(self, index: ExecutionIndex, trace: Trace) -> Key | None:
        """What the handler's caller sees: mostly, but not always, what the handler answered."""
        call = trace.call(index)
        handling = trace.handlings.get(index)
        if handling is None:
            return None
        outcome = handling.answer or (Outcome(status=500) if handling.crash else None)
        if call is not None and call.fault is None and call.outcome is not None:
            outcome = call.outcome
        return None if outcome is None else self._key(index, outcome)

    def _key(self, index: ExecutionIndex, outcome: Outcome) -> Key:
        return outcome.key, None if index in self._volatile else outcome.digest

    def _conflict(self, index: ExecutionIndex, node: Node, seen: str) -> None:
        before = node.call.describe() if node.call else f"an answer, {(node.answer or ('?',))[0]}"
        node.ambiguous = True
        self.ambiguities.append((index, before, seen))
