"""The sentences of explanations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.results.bug import error_line
from flask_filibuster.results.execution import PASSED, Execution
from flask_filibuster.search.ledger import ending_of
from flask_filibuster.search.why.naming import short_name

STOPPED = "Not executed: the exploration stopped, as the fault-free execution proves nothing."
NO_OUTAGES = "Not executed: outages are not tried; the option outages=True (--outages) tries them."
OTHER_OUTAGES = (
    "Not executed: the search opens an outage for each service and call site where several calls "
    "may fail, with one fault of each nature; this one would fail a single call, or the calls that "
    "another outage fails in the same way."
)
ON_FLAPPING = (
    "Not executed: no further faults are added to an outage that ends; the faults of the calls "
    "that it fails are built upon."
)
ASSUMES_REACTION = (
    "This holds if handlers react to a fault where it happens: a few suspects are executed by "
    "default; --audit N executes a sample of such sets, --exhaustive all of them."
)
ASSUMES_NO_MEMORY = (
    "This holds if handlers keep nothing beyond their request: --audit N executes a sample of such "
    "sets, --exhaustive all of them."
)
_PURPOSES = {
    "search": "",
    "repeat": "It repeats the fault-free execution, to see whether that is deterministic.",
    "exhaustive": "Reduction had pruned it; the option exhaustive had it executed.",
    "audit": "Reduction had pruned it; it was executed to check the reduction, as one of a sample "
    "or of the suspects.",
    "shrink": "It was executed to find out whether each fault of a failure is needed.",
    "probe": "It was executed to find out whether a loop of attempts has an end.",
}


def under(faults: FaultSet) -> str:
    """A fault set in few words."""
    return " and ".join(map(_in_short, faults)) if faults else "no faults"


def _in_short(planned: PlannedFault) -> str:
    if planned.outage is not None:
        return short_name(planned)
    number = planned.index.pairs[-1][1]
    which = f" (call number {number})" if number > 1 else ""
    return f"{planned.call.source} -> {short_name(planned)}{which}"


def executed(execution: Execution) -> str:
    """What an execution showed."""
    if execution.verdict == "inconclusive":
        how = "it was inconclusive, so it proves nothing"
    elif execution.error is None:
        how = "the test passed"
    else:
        how = f"the test failed with {error_line(execution.error)}"
    return f"Executed as number {execution.number}: {how}."


def purpose(execution: Execution) -> str:
    """Why it was executed, if not by the search itself."""
    return _PURPOSES[execution.purpose]


def smaller(execution: Execution | None) -> Iterator[str]:
    """A smaller set with the same failure."""
    if execution is not None:
        yield (
            f"Execution {execution.number} fails in the same way with fewer faults "
            f"({under(execution.faults)}), so this set is no bug of its own."
        )


def bugs(messages: Iterable[str]) -> Iterator[str]:
    """What oracles found."""
    listed = list(messages)
    if listed:
        found = "a bug" if len(listed) == 1 else "bugs"
        yield f"That execution shows {found}: {'; '.join(listed)}."


def built_on(stand: FaultSet, execution: Execution | None) -> str:
    """Which set the search builds on in place of an executed one."""
    number = "" if execution is None else f" (execution {execution.number})"
    return f"Larger sets are built on {under(stand)}{number}, which has the same effect."


def represented(stand: FaultSet, execution: Execution | None, end: str) -> str:
    """A set that another one stands for."""
    if execution is not None:
        number = f"execution {execution.number}"
        return f"Not executed: its representative is {under(stand)} ({number}), where {end}."
    return f"Not executed: its representative is {under(stand)}. Under that, {end}, as predicted."


def predicted(end: str) -> str:
    """A set with a complete prediction."""
    return f"Not executed: each of its steps is known from other executions, so that {end}."


def predicted_before(end: str) -> str:
    """A set with a complete prediction that a later execution has put in doubt."""
    return (
        f"Not executed: when the search came to it, each of its steps was known, so that {end}. "
        "Since then, a handler acted differently in the same situation, and the rest is in doubt."
    )


def ends(ending: str | None, executions: Sequence[Execution], by: int | None) -> str:
    """How the test ends."""
    if ending is None:
        return "the end of the test is not known"
    shown = "" if by is None else f" (as in execution {by})"
    if ending == PASSED:
        return f"the test passes{shown}"
    alike = (
        each.error
        for each in executions
        if each.verdict == "failed" and ending_of(each) == ending and each.error is not None
    )
    error = next(alike, None)
    return f"the test fails with {ending if error is None else error_line(error)}{shown}"


def not_reached(
    planned: PlannedFault,
    before: FaultSet,
    execution: Execution | None,
    made_in: Execution | None,
) -> tuple[str, ...]:
    """A call that is not made under the other faults."""
    call = planned.call.describe()
    if made_in is None:
        return (f"Not executed: no execution made the call {call}.",)
    known = "as the steps of other executions tell"
    if execution is not None:
        known = f"as execution {execution.number} shows"
    where = "without faults" if not before else f"after {under(before)}"
    return (
        f"Not executed: the call {call} is not made {where}, {known}, so its fault cannot happen.",
        f"It was made first in execution {made_in.number}, under {under(made_in.faults)}.",
    )


def one_fault(planned: PlannedFault) -> str:
    """A second fault of the same call."""
    return (
        f"Not executed: {planned.call.describe()} has another fault in this set already, and a "
        "call fails in one way at a time."
    )


def unknown_course(planned: PlannedFault, before: FaultSet) -> str:
    """A set whose beginning the search has not come to."""
    return (
        f"Not executed: the search has not come to {under(before)}, so it is not known whether the "
        f"call {planned.call.describe()} is made then."
    )


def not_in_model(planned: PlannedFault, possible: Sequence[PlannedFault]) -> str:
    """A fault that the model does not have."""
    listed = "; ".join(str(each.fault) for each in possible) or "none"
    return (
        f"Not executed: the fault model has no fault {str(planned.fault)!r} for the call "
        f"{planned.call.describe()} as it is made here; it has: {listed}. "
        "The option faults decides."
    )


def on_inconclusive(execution: Execution) -> str:
    """A set on an inconclusive one."""
    return (
        f"Not executed: execution {execution.number}, under {under(execution.faults)}, was "
        "inconclusive, and the search builds nothing on it."
    )


def on_unending(execution: Execution) -> str:
    """A set on one without end."""
    return (
        f"Not executed: execution {execution.number}, under {under(execution.faults)}, was ended, "
        "as its calls had no end, and the search builds nothing on it."
    )


def in_unending(planned: PlannedFault, followed: int) -> str:
    """Another attempt of a loop without end."""
    return (
        f"Not executed: {planned.call.describe()} is another attempt of a loop without end, of "
        f"which no more than {followed} failed attempts are followed."
    )


def too_many(most: int | None) -> str:
    """A set with too many faults."""
    return (
        f"Not executed: the option max_faults={most} excludes it; faults that are needed to reach "
        "a call do not count."
    )


def tried_alone(planned: PlannedFault) -> str:
    """A fault that is combined with no other one."""
    return (
        f"Not executed: faults of the kind {planned.fault.kind.name!r} are tried alone, and not "
        "combined with others."
    )


def left_over(limit: str | None, executed: int) -> str:
    """A set that the search has not come to."""
    if limit is None:
        return (
            f"Not executed: the exploration had not come to it when it ended, after {executed} "
            "executions."
        )
    if limit == "fail_fast":
        return "Not executed: fail_fast stopped the exploration at the first bug, before this set."
    return (
        f"Not executed: {limit} ended the exploration after {executed} executions, before it came "
        "to this set."
    )
