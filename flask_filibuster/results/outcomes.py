"""The result of an exploration, without its executions, as plain data for other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from types import MappingProxyType
from typing import Any

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import Severity
from flask_filibuster.errors import WireError
from flask_filibuster.protocol.codec import Codec, Form, Record
from flask_filibuster.protocol.reading import any_text
from flask_filibuster.protocol.records import CALL, FAULT, FAULT_SET
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.result import Result

MOST_LISTED = 10_000
"""Maximum number of pruned sets listed; the others are only counted."""


def _read_broken(value: Any, name: str) -> Severity:
    if not isinstance(value, bool):
        raise WireError(f"{name} is not a boolean")
    return "error" if value else "warning"


# On the wire, a finding is broken or not. The reader takes the severity from its oracle.
_FINDING = Form(
    Finding,
    rename={"severity": "broken"},
    codecs={"severity": Codec(_read_broken, lambda severity: severity == "error")},
    known={str: Codec(any_text), FaultSet: FAULT_SET},
)
_KNOWN: Mapping[Any, Codec] = MappingProxyType(
    {
        str: Codec(any_text),
        FaultSet: FAULT_SET,
        Call: CALL.codec,
        Fault: FAULT,
        Finding: _FINDING.codec,
    }
)
_RESULT = Form(
    Result,
    name="an outcome",
    # Executions are sent one by one; the reader has the other fields, or does not need them.
    skip=[
        "executions",
        "superfluous",
        "recalled",
        "reached",
        "asked",
        "oracles",
        "policy",
        "expected",
        "unfollowed",
        "explain",
    ],
    always=[
        "pruned",
        "unlisted",
        "classes",
        "observed",
        "remaining",
        "limit",
        "cut_by_size",
        "ambiguities",
        "notes",
        "problems",
    ],
    known=_KNOWN,
)


def write_outcome(result: Result) -> Record:
    """The outcome of an exploration."""
    listed = tuple(islice(result.pruned, MOST_LISTED))
    return _RESULT.write(replace(result, pruned=listed, unlisted=result.pruned_count - len(listed)))


def read_outcome(executions: tuple[Execution, ...], outcome: Mapping[str, Any]) -> Result:
    """Read the data of :func:`write_outcome`.

    :param executions: the executions, as sent one by one.
    :raises WireError: the data is invalid.
    :raises FaultModelError: a fault in the data is invalid.
    """
    return replace(_RESULT.read(outcome), executions=executions)
