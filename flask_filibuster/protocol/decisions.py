"""The answer to *create*, as JSON: the fault of a call, if any.

Source: the wire protocol of the Filibuster prototypes (Python and Java).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.kinds.base import Kind
from flask_filibuster.core.kinds.raised import PREFIX
from flask_filibuster.core.kinds.registry import kind_of
from flask_filibuster.core.messages import Decision
from flask_filibuster.errors import FaultModelError, WireError
from flask_filibuster.protocol.reading import OURS, integer, mapping, number, scalar, text_of

Payload = dict[str, Any]


def write_decision(index: ExecutionIndex, decision: Decision) -> Payload:
    """The answer to *create*."""
    payload: Payload = {"generated_id": decision.generated_id, "execution_index": str(index)}
    fault = decision.fault
    if fault is None:
        return payload
    metadata = dict(fault.details) | fault_metadata(fault)
    if fault.exception is not None:
        forced = {"name": full_name(fault.exception), "metadata": metadata}
        payload["forced_exception"] = forced
    else:
        failure: Payload = {"return_value": {"status_code": str(fault.status)}}
        if metadata:
            failure["metadata"] = metadata
        payload["failure_metadata"] = failure
    return payload


def fault_metadata(fault: Fault) -> Payload:
    """The metadata of a fault besides its exception or status.

    For kinds of this project only, other projects use the exception or status alone.
    """
    metadata: Payload = {}
    if fault.sleep:
        metadata["sleep"] = fault.sleep
    if not fault.abort:
        metadata["abort"] = False
    if not fault.is_plain:
        metadata[OURS] = {"kind": fault.kind.name, "parameters": fault.kind.parameters}
    return metadata


def read_kind(metadata: Mapping[str, Any]) -> Kind | None:
    """The kind of fault that ``metadata`` names, if only this project knows that kind.

    :raises WireError: it is not the output of :func:`fault_metadata`.
    :raises FaultModelError: there is no such kind.
    """
    ours = metadata.get(OURS)
    return None if ours is None else kind_from(mapping(ours, OURS))


def kind_from(entry: Mapping[str, Any]) -> Kind:
    """A kind by its name and parameters.

    :raises WireError: they are invalid.
    :raises FaultModelError: there is no such kind.
    """
    parameters = mapping(entry.get("parameters", {}), "parameters")
    name = text_of(entry.get("kind"), "kind", most=200)
    return kind_of(name, {key: scalar(value, key) for key, value in parameters.items()})


def full_name(exception: str) -> str:
    """The name of an exception with its module."""
    return exception if "." in exception else PREFIX + exception


def read_decision(payload: Any) -> Decision:
    """Read the answer to *create*.

    :returns: the decision; with a ``refusal`` if its fault cannot be injected.
    :raises WireError: it violates the protocol.
    """
    body = mapping(payload, "the answer to create")
    if "generated_id" not in body:
        raise WireError("the answer to create has no generated_id")
    generated_id = integer(body["generated_id"], "generated_id")
    try:
        return Decision(generated_id, _asked_for(body))
    except FaultModelError as error:
        return Decision(generated_id, refusal=str(error))
    except WireError as error:
        return Decision(generated_id, refusal=f"the server asks for an invalid fault: {error}")


def _asked_for(body: Mapping[str, Any]) -> Fault | None:
    """The fault in an answer."""
    forced, failure = body.get("forced_exception"), body.get("failure_metadata")
    if forced:
        exception = mapping(forced, "forced_exception")
        name = text_of(exception.get("name"), "forced_exception.name")
        return read_fault(exception.get("metadata"), exception=name)
    if failure:
        content = mapping(failure, "failure_metadata")
        if "return_value" not in content:
            raise WireError(
                "failure_metadata has no return_value; only faults of HTTP calls are supported"
            )
        answer = mapping(content["return_value"], "return_value")
        status = integer(answer.get("status_code"), "status_code")
        return read_fault(content.get("metadata"), status=status)
    return None


def read_fault(metadata: Any, *, exception: str | None = None, status: int | None = None) -> Fault:
    """A fault with its ``metadata``.

    :raises WireError: the metadata violates the protocol.
    :raises FaultModelError: there is no such fault.
    """
    more = mapping(metadata or {}, "metadata")
    kind = read_kind(more)
    if kind is not None:
        exception = status = None
    sleep = more.get("sleep") or 0.0
    if isinstance(sleep, str) and "@" in sleep:
        sleep = text_of(sleep, "sleep", most=200)
    else:
        sleep = number(sleep, "sleep")
    abort = more.get("abort", True)
    return Fault(exception, status, str(abort).lower() not in ("false", "0"), sleep, kind=kind)
