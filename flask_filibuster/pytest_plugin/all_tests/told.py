"""What is known of one test at its end; travels with pytest's report to the summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import UnexploredCall
from flask_filibuster.protocol.codec import Codec, Form, Record, list_of
from flask_filibuster.protocol.reading import any_text
from flask_filibuster.protocol.records import FAULT_SET
from flask_filibuster.results.bug import Cause
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.merged import BugOfTest

State: TypeAlias = Literal["explored", "without calls", "not explored", "marked"]


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one test.

    :ivar state: what became of it.
    :ivar reason: why it was not explored, in few words, by which tests are counted.
    :ivar why: the same, in a sentence.
    :ivar executions: number of executions, that of pytest itself included.
    :ivar recalled: number of executions from the journal.
    :ivar bugs: the bugs.
    :ivar failures: number of further bugs, which a marked test's own report lists.
    :ivar findings: warnings and notes of oracles.
    :ivar weakens: what else makes the exploration prove less, in words.
    :ivar unexplored: what left the process and could not be made to fail.
    :ivar cut: what a limit excluded, in words.
    """

    state: State
    reason: str = ""
    why: str = ""
    executions: int = 0
    recalled: int = 0
    bugs: tuple[BugOfTest, ...] = ()
    failures: int = 0
    findings: tuple[Finding, ...] = ()
    weakens: tuple[str, ...] = ()
    unexplored: tuple[UnexploredCall, ...] = ()
    cut: str = ""

    def data(self) -> Record:
        """As plain data; only what is not empty."""
        return _TOLD.write(self)


def told_of(data: Mapping[str, Any]) -> Told:
    """Read the output of :meth:`Told.data`."""
    return _TOLD.read(data)


# Messages of applications may be long, and hold anything.
_TEXT = Codec(any_text)
_KNOWN: Mapping[Any, Codec] = MappingProxyType({str: _TEXT, FaultSet: FAULT_SET})
_PLACES = Codec(
    list_of(list_of(_TEXT), frozenset).read,
    lambda places: sorted(map(list, places)),
)
_CAUSE = Form(Cause, codecs={"places": _PLACES}, known=_KNOWN)
_BUG = Form(BugOfTest, known={**_KNOWN, Cause: _CAUSE.codec})
_TOLD = Form(
    Told,
    known={
        **_KNOWN,
        BugOfTest: _BUG.codec,
        Finding: Form(Finding, known=_KNOWN).codec,
        UnexploredCall: Form(UnexploredCall, known=_KNOWN).codec,
    },
)
