"""The learned behaviour of each handler, and predictions from it.

A handler is the handling of one request by one service, named by its execution index; the test
itself is the handler at the root. Its behaviour is a tree: after a sequence of calls and their
outcomes, it made this next call, or gave that answer. The paper's dynamic reduction (SoCC '21,
section 4.4) is a look-up in these trees: an execution with all its steps in them would show nothing
new.

A handler may depend on three inputs that are not in its execution index. The data that its caller
sends, such as the body of a POST, can depend on everything that the caller has seen: such a handler
has a tree for each state of its caller. The data in the body of a callee's successful answer: it is
identified by the digest of the first such body, in the state in which the callee ended; for a
streamed body, by that state itself. And the answers to the test's questions about the faults: the
test has a tree for each set of answers.

The index of a request of the test leaves out values of its URL, which the test may draw at random.
Its handler has a tree for each URL with which a state of the test made the request first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import Faults, FaultsInOrder, PlannedFault
from flask_filibuster.core.outcome import Outcome, digest_of
from flask_filibuster.core.trace import Trace
from flask_filibuster.search.nodes import Handler, Key, Node, PredictedCall, Prediction

logger = logging.getLogger(__name__)

Injected = Mapping[ExecutionIndex, PlannedFault]
_NO_FAULTS: Injected = {}
Question = str | None
"""Whether a fault is injected: on the service of that name; ``None``: on any."""

# Requests without a body: their URL identifies them. Nearly always, the execution index has it.
WITHOUT_CONTENT = ("GET", "HEAD", "OPTIONS")


class Behaviour:
    """Trees of the observed behaviour of all handlers.

    :param faults_show: whether a handler may distinguish an injected error status from a real one,
        whose body may differ.
    """

    def __init__(self, *, faults_show: bool = False) -> None:
        self._faults_show = faults_show
        self._keys: dict[Fault, Key] = {}
        self._trees: dict[Handler, Node] = {}
        self._nodes = 0
        self._urls: dict[ExecutionIndex, dict[str, int]] = {}
        self._asked: set[Question] = set()
        self._told: dict[frozenset[Question], int] = {frozenset(): 0}
        self.ambiguities: list[tuple[ExecutionIndex, str, str]] = []
        # Number of changes to the trees, and of those that contradicted earlier knowledge.
        self._age = self._revision = 0
        # Callees that were called without any observed step.
        self._unseen: set[Handler] = set()

    def predict(self, faults: Faults) -> Prediction:
        """Follow the trees from the test down, with the faults' outcomes in place of the real ones.

        The time is proportional to the number of calls of the predicted execution, independent of
        the size of the trees.
        """
        calls: list[PredictedCall] = []
        end = self._follow(self._test(faults), faults, calls)
        return self._predicted(calls, end)

    def _predicted(self, calls: list[PredictedCall], end: Node | None) -> Prediction:
        answer = end.answer[0] if end is not None and end.answer else None
        return Prediction(calls, answer, (self._age, self._revision))

    def holds(self, prediction: Prediction) -> bool:
        """Whether the prediction is still current.

        Trees grow at their ends. So a complete prediction stays valid, unless a step becomes
        ambiguous, or depends on behaviour that was unknown at the time.
        """
        age, revision = prediction.stamp
        return age == self._age or (prediction.answer is not None and revision == self._revision)

    def _follow(self, handler: Handler, faults: Faults, calls: list[PredictedCall]) -> Node | None:
        """The state in which a handler ends; ``None`` if one of its steps is unknown."""
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
        planned = faults.of(call) if isinstance(faults, FaultsInOrder) else faults.get(call.index)
        if planned is not None and planned.fault.abort:
            return self._injected(planned.fault)
        natural = node.natural
        callee = self._callee(node, call)
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
        faults: Injected = _NO_FAULTS,
        asked: Iterable[Question] = (),
    ) -> Prediction:
        """Learn from an execution.

        :param trace: the execution's trace.
        :param verdict: the ending of the test; equal for executions with the same ending.
        :param faults: the execution's faults.
        :param asked: the questions about the faults.
        :returns: the new prediction for the same faults.
        """
        self._age += 1
        if not self._asked.issuperset(asked):
            self._asked.update(asked)
            self._revision += 1
        steps = _Steps(trace, faults, verdict)
        end = self._walk(self._test(faults), steps, (verdict, None))
        # If every step was certain, the observed path is the prediction.
        return self._predicted(steps.taken, end) if steps.certain and end else self.predict(faults)

    def _test(self, faults: Faults) -> Handler:
        """The test as a handler, with these answers to all questions so far."""
        if not self._asked:
            return ROOT, 0  # As for the empty set below: most tests ask nothing.
        told: set[Question] = {planned.service for planned in faults.values()}
        if faults:
            told.add(None)
        told &= self._asked
        return ROOT, self._told.setdefault(frozenset(told), len(self._told))

    def _walk(
        self,
        handler: Handler,
        steps: _Steps,
        answer: Key | None,
    ) -> Node | None:
        """Follow and grow the trees of a handler and of the handlers below it.

        :returns: the state in which it ends, if certain.
        """
        index = handler[0]
        node = self._trees.get(handler)
        if node is None:
            node = self._trees[handler] = Node(0) if index == ROOT else self._new_node()
            self._grown(handler)
        for call in steps.calls.get(index, ()):
            if call.outcome is None or node.ambiguous:
                return None
            if node.answer is not None or (node.call and node.call.index != call.index):
                self._conflict(index, node, call.describe())
                return None
            if node.call is None:
                node.call = call
            place = steps.begin(node.call, handler)
            key = self._learn_outcome(node, call, call.outcome, steps)
            if key is None:
                self._conflict(index, node, f"{call.describe()} ended in {call.outcome}")
                return None
            steps.end(place, key)
            branch = node.branches.get(key)
            if branch is None:
                branch = node.branches[key] = self._new_node()
                self._grown(handler)
            node = branch
        if not node.ambiguous and answer is not None:
            self._end(handler, node, answer)
        return None if node.ambiguous or node.answer is None else node

    def _learn_outcome(
        self,
        node: Node,
        call: Call,
        outcome: Outcome,
        steps: _Steps,
    ) -> Key | None:
        """The outcome that the caller sees; ``None`` if it contradicts an earlier one."""
        callee = self._callee(node, node.call or call)
        end = None
        observed = call.index in steps.trace.handlings or call.index in steps.calls
        if observed:
            end = self._walk(callee, steps, _answer(call, outcome, steps))
        if call.fault is not None:
            if not call.fault.abort and not observed:
                node.silent = True
                self._unseen.add(callee)
            # A prediction follows every known callee, unless the call is not made.
            as_predicted = callee not in self._trees or call.fault.abort
            if observed:
                as_predicted = end is not None and not call.fault.abort
            steps.certain = steps.certain and as_predicted and call.index in steps.faults
            return self._injected(call.fault)
        if end is not None:
            return _received(end)
        key = outcome.key, outcome.digest
        if observed:
            steps.certain = False  # The end of the callee is unknown.
            return key
        if callee in self._trees or node.natural not in (None, key):
            return None
        node.natural = key
        self._unseen.add(callee)
        return key

    def _grown(self, handler: Handler) -> None:
        """Invalidate predictions that ignored a handler while it was unknown."""
        self._revision += handler in self._unseen

    def _end(self, handler: Handler, node: Node, answer: Key) -> None:
        index = handler[0]
        if node.call is not None:
            self._conflict(index, node, f"an answer, {answer[0]}")
        elif node.answer is None:
            node.answer = answer
            self._grown(handler)
        elif node.answer[0] != answer[0]:
            self._conflict(index, node, f"an answer, {answer[0]}")

    def _conflict(self, index: ExecutionIndex, node: Node, seen: str) -> None:
        before = node.call.describe() if node.call else f"an answer, {(node.answer or ('?',))[0]}"
        node.ambiguous = True
        self._revision += 1
        logger.debug("ambiguous: %s, %s before, %s now", index, before, seen)
        self.ambiguities.append((index, before, seen))

    def _injected(self, fault: Fault) -> Key:
        """The outcome of a fault for the caller; a success without data equals no real one."""
        key = self._keys.get(fault)
        if key is None:
            outcome = fault.outcome
            shows = outcome.exception is None and (self._faults_show or not outcome.failed)
            key = self._keys[fault] = outcome.key, "injected" if shows else None
        return key

    def _callee(self, node: Node, call: Call) -> Handler:
        """The handler of a call that is made in this state.

        :param call: as it was first made in this state.
        """
        if call.method not in WITHOUT_CONTENT:
            return call.index, node.number
        if "<" not in call.index or call.source:
            return call.index, 0
        # A request of the test, whose index leaves out values of its URL: one that was drawn at
        # random, or another one in another state of the test.
        urls = self._urls.setdefault(call.index, {})
        return call.index, -urls.setdefault(call.url, len(urls))

    def _new_node(self) -> Node:
        self._nodes += 1
        return Node(self._nodes)


class _Steps:
    """An execution that the trees are learning from.

    :ivar trace: its trace.
    :ivar faults: its planned faults.
    :ivar calls: its calls by caller.
    :ivar taken: the steps so far, in the form of a prediction.
    :ivar certain: whether a prediction would have the same steps.
    """

    __slots__ = ("calls", "certain", "faults", "taken", "trace", "verdict")

    def __init__(self, trace: Trace, faults: Injected, verdict: str) -> None:
        self.faults = faults
        self.verdict = verdict
        self.trace = trace
        self.calls: Mapping[ExecutionIndex, Sequence[Call]] = trace.calls()
        self.taken: list[PredictedCall] = []
        self.certain = True

    def begin(self, call: Call, caller: Handler) -> int:
        """Begin a call.

        :returns: its place, for :meth:`end`.
        """
        self.taken.append((call, None, caller[1]))
        return len(self.taken) - 1

    def after(self, request: Call) -> str:
        """A digest of how the test goes on after a request of its own."""
        later = self.calls[ROOT][self.calls[ROOT].index(request) + 1 :]
        seen = [(each.index, str(each.outcome)) for each in later], self.verdict
        return digest_of(repr(seen).encode())

    def end(self, place: int, key: Key) -> None:
        """End a call."""
        call, _, state = self.taken[place]
        self.taken[place] = (call, key, state)


def _received(end: Node) -> Key | None:
    """The answer that the caller sees from a handler that ends in this state.

    A body that differs from the first without any other difference contains a time, an id or a
    counter, which does not matter to the caller.
    """
    if end.answer is None:
        return None
    status, digest = end.answer
    unseen = digest is None and status.isdigit() and int(status) < 400
    return status, f"#{end.number}" if unseen else digest


def _answer(call: Call, outcome: Outcome, steps: _Steps) -> Key | None:
    """The answer that the handler's caller sees: usually, but not always, the handler's answer.

    A function that the test runs in an app has none, and what it returns is not seen: its ends are
    equal if the test goes on alike. Otherwise the test would seem to behave at random.
    """
    handling = steps.trace.handlings.get(call.index)
    if handling is None:
        return None
    if call.fault is not None:
        lost = handling.answer or (Outcome(status=500) if handling.crash else None)
        return None if lost is None else (lost.key, lost.digest)
    if handling.answer is None and not call.source and outcome == Outcome():
        return outcome.key, steps.after(call)
    return outcome.key, outcome.digest
