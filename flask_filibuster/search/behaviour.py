"""What has been learned about each handler, and what it predicts.

A handler is the handling of one request by one service, named by its execution index; the test
itself is the handler at the root. What it did is kept as a tree: after a sequence of calls and
their outcomes, it made this next call, or gave that answer. The paper's dynamic reduction (SoCC
'21, section 4.4) is a look-up in these trees: a test execution of which every step is in them would
show nothing new.

Three things that a handler may act on are not in its execution index. What its caller sent along,
as the body of a POST, can depend on all that the caller had seen: such a handler has a tree for
each state of its caller. What a callee tells in the body of a successful answer: it is known by the
digest of the first such body, in the state in which the callee ended; where a body is streamed, by
that state itself. And what the test asks about the faults: it has a tree for each set of answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import PlannedFault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Trace

Key = tuple[str, str | None]
"""An outcome as a handler may tell it from others: status or exception, and what a body told."""

Handler = tuple[ExecutionIndex, int]
"""The execution index, and a number for what else may matter: see above; 0 for nothing."""

Faults = Mapping[ExecutionIndex, PlannedFault]
_NO_FAULTS: Faults = {}
Question = str | None
"""Whether a fault was injected: on the service of that name, or, ``None``, at all."""

# Requests that are their URL, which is in the execution index, and nothing else.
WITHOUT_CONTENT = ("GET", "HEAD", "OPTIONS")


class Node:
    """A state of a handler: what it does next, having seen the outcomes that lead here.

    :ivar number: tells it from all other states, from 1; 0 is the test's before all requests.
    """

    __slots__ = ("ambiguous", "answer", "branches", "call", "natural", "number", "silent")

    def __init__(self, number: int) -> None:
        self.number = number
        self.call: Call | None = None
        self.branches: dict[Key, Node] = {}
        # How the call ends by itself, where no handler of its own tells.
        self.natural: Key | None = None
        # The call was made and its answer lost, and nobody told of handling it.
        self.silent = False
        # What whoever called the handler sees, where the handler ends here.
        self.answer: Key | None = None
        # The same outcomes led to something else at another time: nothing can be predicted.
        self.ambiguous = False


PredictedCall = tuple[Call, Key | None, int]
"""A call, its outcome as far as that is known, and the second part of its caller's handler."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the trees say about a test execution.

    :ivar calls: the calls that it makes, in order, as far as is known, with their outcomes.
    :ivar answer: how the test ends, or ``None`` where a step on the way is unknown.
    """

    calls: list[PredictedCall]
    answer: str | None


class Behaviour:
    """Trees of everything that any handler was seen to do.

    :param faults_show: whether a handler may tell an injected error status from the same status as
        the callee answers it, whose body can be another one.
    """

    def __init__(self, *, faults_show: bool = False) -> None:
        self._faults_show = faults_show
        self._keys: dict[Fault, Key] = {}
        self._trees: dict[Handler, Node] = {}
        self._nodes = 0
        self._asked: set[Question] = set()
        self._told: dict[frozenset[Question], int] = {frozenset(): 0}
        self.ambiguities: list[tuple[ExecutionIndex, str, str]] = []

    def predict(self, faults: Faults) -> Prediction:
        """Follow the trees from the test down, with the faults' outcomes in place of the real.

        Takes time in the number of calls of the predicted execution, whatever has been learned.
        """
        calls: list[PredictedCall] = []
        end = self._follow(self._test(faults), faults, calls)
        return Prediction(calls, end.answer[0] if end is not None and end.answer else None)

    def _follow(
        self,
        handler: Handler,
        faults: Faults,
        calls: list[PredictedCall],
    ) -> Node | None:
        """The state in which a handler ends, or ``None`` where it does something unknown."""
        node = self._trees.get(handler)
        while node is not None and not node.ambiguous:
            call = node.call
            if call is None:
                return node if node.answer is not None else None
            place = len(calls)
            calls.append((call, None, handler[1]))
            key = self._outcome(node, call, faults, calls)
            if key is None:
                return None
            calls[place] = (call, key, handler[1])
            node = node.branches.get(key)
        return None

    def _outcome(
        self,
        node: Node,
        call: Call,
        faults: Faults,
        calls: list[PredictedCall],
    ) -> Key | None:
        planned = faults.get(call.index)
        if planned is not None and planned.fault.abort:
            return self._injected(planned.fault)
        natural = node.natural
        callee = _callee(node, call)
        if callee in self._trees:
            end = self._follow(callee, faults, calls)
            natural = None if end is None else _received(end)
        if planned is None or (natural is None and not node.silent):
            return natural
        return self._injected(planned.fault)

    def learn(
        self,
        trace: Trace,
        verdict: str,
        *,
        faults: Faults = _NO_FAULTS,
        asked: Iterable[Question] = (),
    ) -> None:
        """Add what an execution showed.

        :param trace: the execution's trace.
        :param verdict: how the test ended; equal for executions that ended alike.
        :param faults: what was made to fail.
        :param asked: what was asked about the faults.
        """
        self._asked.update(asked)
        self._walk(self._test(faults), trace, trace.calls(), (verdict, None))

    def _test(self, faults: Faults) -> Handler:
        """The test, as one that gets these answers to all that was ever asked."""
        told: set[Question] = {planned.service for planned in faults.values()}
        if faults:
            told.add(None)
        told &= self._asked
        return ROOT, self._told.setdefault(frozenset(told), len(self._told))

    def _walk(
        self,
        handler: Handler,
        trace: Trace,
        calls: Mapping[ExecutionIndex, Sequence[Call]],
        answer: Key | None,
    ) -> Node | None:
        """Follow, and grow, a handler's tree and those of the handlers below it.

        :returns: the state it ends in, if that is beyond doubt.
        """
        index = handler[0]
        node = self._trees.get(handler)
        if node is None:
            node = self._trees[handler] = Node(0) if index == ROOT else self._new_node()
        for call in calls.get(index, ()):
            if call.outcome is None or node.ambiguous:
                return None
            if node.answer is not None or (node.call and node.call.index != call.index):
                self._conflict(index, node, call.describe())
                return None
            if node.call is None:
                node.call = call
            key = self._learn_outcome(node, call, call.outcome, trace, calls)
            if key is None:
                self._conflict(index, node, f"{call.describe()} ended in {call.outcome}")
                return None
            branch = node.branches.get(key)
            if branch is None:
                branch = node.branches[key] = self._new_node()
            node = branch
        if not node.ambiguous and answer is not None:
            self._end(index, node, answer)
        return None if node.ambiguous or node.answer is None else node

    def _learn_outcome(
        self,
        node: Node,
        call: Call,
        outcome: Outcome,
        trace: Trace,
        calls: Mapping[ExecutionIndex, Sequence[Call]],
    ) -> Key | None:
        """What the caller sees of a call; ``None`` if that is not what it saw at another time."""
        callee = _callee(node, call)
        end = None
        observed = call.index in trace.handlings or call.index in calls
        if observed:
            end = self._walk(callee, trace, calls, _answer(call, outcome, trace))
        if call.fault is not None:
            node.silent = node.silent or not (call.fault.abort or observed)
            return self._injected(call.fault)
        if end is not None:
            return _received(end)
        key = outcome.key, outcome.digest
        if observed:
            return key
        if callee in self._trees or node.natural not in (None, key):
            return None
        node.natural = key
        return key

    def _end(self, index: ExecutionIndex, node: Node, answer: Key) -> None:
        if node.call is not None:
            self._conflict(index, node, f"an answer, {answer[0]}")
        elif node.answer is None:
            node.answer = answer
        elif node.answer[0] != answer[0]:
            self._conflict(index, node, f"an answer, {answer[0]}")

    def _conflict(self, index: ExecutionIndex, node: Node, seen: str) -> None:
        before = node.call.describe() if node.call else f"an answer, {(node.answer or ('?',))[0]}"
        node.ambiguous = True
        self.ambiguities.append((index, before, seen))

    def _injected(self, fault: Fault) -> Key:
        """What the caller sees of a fault; a success without data is like no real one."""
        key = self._keys.get(fault)
        if key is None:
            outcome = fault.outcome
            shows = outcome.exception is None and (self._faults_show or not outcome.failed)
            key = self._keys[fault] = outcome.key, "injected" if shows else None
        return key

    def _new_node(self) -> Node:
        self._nodes += 1
        return Node(self._nodes)


def _callee(node: Node, call: Call) -> Handler:
    """The handler of a call that is made in this state."""
    return call.index, 0 if call.method in WITHOUT_CONTENT else node.number


def _received(end: Node) -> Key | None:
    """What the caller sees of a handler that ends in this state.

    A body that differs from the first, though nothing else did, has a time, an id or a counter in
    it; what matters to the caller is the same.
    """
    if end.answer is None:
        return None
    status, digest = end.answer
    unseen = digest is None and status.isdigit() and int(status) < 400
    return status, f"#{end.number}" if unseen else digest


def _answer(call: Call, outcome: Outcome, trace: Trace) -> Key | None:
    """What the handler's caller sees: mostly, but not always, what the handler answered."""
    handling = trace.handlings.get(call.index)
    if handling is None:
        return None
    if call.fault is not None:
        lost = handling.answer or (Outcome(status=500) if handling.crash else None)
        return None if lost is None else (lost.key, lost.digest)
    return outcome.key, outcome.digest
