"""Explanations of fault sets, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_filibuster.core.call import Call
from flask_filibuster.report.data import faults_data
from flask_filibuster.report.text import fault_set_lines, under_lines
from flask_filibuster.results.why.explanation import Explanation, Member, Step

VERSION = 1


def explanation_text(explanation: Explanation, exploration: str = "") -> str:
    """An explanation for people.

    :param explanation: the explanation.
    :param exploration: name and state of the exploration, if that is not clear.
    """
    return "\n".join(_lines(explanation, exploration))


def _lines(explanation: Explanation, exploration: str) -> Iterator[str]:
    if exploration:
        yield exploration
    yield from under_lines(explanation.faults)
    yield ""
    yield from explanation.reasons
    standing = [each for each in explanation.members if not each.stands_for_itself]
    if standing:
        yield from ("", "classes")
        for member in standing:
            yield from (f"  {line}" for line in _member(member))
    if explanation.steps:
        taken = "as observed" if explanation.execution is not None else "as predicted"
        if explanation.fate in ("represented", "not reached"):
            stand = explanation.represented_by
            taken = "under the representative faults"
            if explanation.fate == "not reached":
                taken = "without the fault that cannot happen"
            taken += ", predicted" if stand is None else f", execution {stand}"
        yield from ("", f"step by step, {taken}")
        observed = explanation.execution or explanation.represented_by
        for number, step in enumerate(explanation.steps, start=1):
            yield f"  {number}. {_step(step, observed)}"


def _member(member: Member) -> Iterator[str]:
    yield f"{_call(member.planned.call)}"
    stands = f"  {member.planned.fault} has the same effect as {member.representative.fault}"
    shown = [each for each in (member.shown_by, member.stands_by) if each is not None]
    if len(shown) == 2:
        stands += f": executions {shown[0]} and {shown[1]} show it"
    yield stands
    others = [str(each) for each in member.faults if each != member.planned.fault]
    if len(others) > 1:
        yield f"  class: {'; '.join(map(str, member.faults))}"
    if member.context:
        yield "  shown with:"
        yield from (f"    {line}" for line in fault_set_lines(member.context))


def _call(call: Call) -> str:
    return call.describe() if call.source else f"the test{call.describe()}"


def _step(step: Step, observed: int | None) -> str:
    ended = f"ends with {step.outcome}" if step.fault is None else f"{step.fault} (the fault)"
    taught = step.taught_by
    known = "" if taught is None or taught == observed else f", known from execution {taught}"
    return f"{_call(step.call)}: {ended}{known}"


def explanation_data(explanation: Explanation, exploration: str = "") -> dict[str, Any]:
    """An explanation as plain data, for JSON.

    :param explanation: the explanation.
    :param exploration: name of the exploration.
    """
    stand = explanation.representative
    return {
        "version": VERSION,
        "exploration": exploration,
        "faults": faults_data(explanation.faults),
        "fate": explanation.fate,
        "reasons": list(explanation.reasons),
        "execution": explanation.execution,
        "ending": explanation.ending,
        "representative": None if stand is None else faults_data(stand),
        "represented_by": explanation.represented_by,
        "members": [
            {
                "fault": str(each.planned),
                "representative": str(each.representative.fault),
                "class": [str(fault) for fault in each.faults],
                "context": faults_data(each.context),
                "shown_by": each.shown_by,
                "stands_by": each.stands_by,
            }
            for each in explanation.members
        ],
        "steps": [
            {
                "call": each.call.describe(),
                "execution_index": str(each.call.index),
                "outcome": each.outcome,
                "fault": None if each.fault is None else str(each.fault),
                "taught_by": each.taught_by,
            }
            for each in explanation.steps
        ],
    }
