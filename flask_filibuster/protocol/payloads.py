"""The JSON of the Filibuster protocol, to and from the messages.

Source: the wire protocol of the Filibuster prototypes (Python and Java). Both of their forms are
read; properties of a call that only this project knows have their own key, for its own servers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.execution_index import ExecutionIndex, signature_of
from flask_filibuster.core.kinds.raised import PREFIX
from flask_filibuster.core.messages import InvocationCompleted, InvocationStarted, RequestReceived
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.urls import from_port_on
from flask_filibuster.core.vclock import VectorClock
from flask_filibuster.errors import WireError
from flask_filibuster.protocol.codec import Form
from flask_filibuster.protocol.decisions import Payload, fault_metadata, full_name
from flask_filibuster.protocol.natures import read_nature, write_nature
from flask_filibuster.protocol.reading import (
    OURS,
    index_of,
    integer,
    mapping,
    number,
    optional_text,
    position_of,
    printable,
    text_of,
    texts,
    url_of,
    words_of,
)
from flask_filibuster.protocol.shapes import read_shape, write_shape

OUTCOME = Form(
    Outcome,
    name="an outcome",
    # Notes and reports describe real outcomes, not planned ones; shapes come from callers.
    skip=["variant", "mocked", "shape"],
    always=["status", "exception", "digest"],
)
_INVOCATION = "invocation"
NO_BODY = hashlib.md5(b"", usedforsecurity=False).hexdigest()


def write_create(message: InvocationStarted, *, ours: bool) -> Payload:
    """The body of ``PUT /filibuster/create``.

    :param message: the call that is about to be made.
    :param ours: whether the server is of this project and understands the extensions.
    """
    connect, read = message.timeout
    metadata: Payload = {}
    if message.timeout != (None, None):
        metadata["timeout"] = connect if read is None else read
    if message.url.startswith("https:"):
        metadata["ssl"] = True
    site = message.callsite
    payload: Payload = {
        "instrumentation_type": _INVOCATION,
        "source_service_name": message.source,
        "module": message.library,
        "method": message.method.lower(),
        "args": [from_port_on(message.url)] if message.url else [],
        "kwargs": {},
        "callsite_file": site.file if site is not None else "",
        "callsite_line": str(site.line) if site is not None else "",
        "full_traceback": signature_of(*message.functions),
        "metadata": metadata,
        "vclock": dict(message.vclock),
        "origin_vclock": dict(message.origin_vclock),
        "execution_index": str(message.index),
        "request_id": message.request_id,
    }
    if ours:
        payload[OURS] = {
            "url": message.url,
            "function": site.function if site is not None else "",
            "timeouts": list(message.timeout),
            "position": message.position,
            **write_nature(message),
        }
    return payload


def read_create(payload: Any) -> InvocationStarted:
    """Read the body of ``PUT /filibuster/create``.

    :raises WireError: it violates the protocol.
    """
    body = mapping(payload, "the body")
    if body.get("instrumentation_type", _INVOCATION) != _INVOCATION:
        raise WireError(f"instrumentation_type must be {_INVOCATION!r} in create")
    more = mapping(body.get(OURS, {}), OURS)
    arguments = texts(body.get("args", []), "args")
    return InvocationStarted(
        request_id=_request_id(body),
        index=_index(body),
        source=words_of(body.get("source_service_name", "unknown"), "source_service_name"),
        method=words_of(body.get("method", "get"), "method").upper(),
        url=url_of(more.get("url") or (arguments[0] if arguments else ""), "url"),
        callsite=_callsite(body, more),
        timeout=_timeouts(body, more),
        vclock=_clock(body, "vclock"),
        origin_vclock=_clock(body, "origin_vclock"),
        position=position_of(more.get("position", ()), "position"),
        api=_api(body),
        **read_nature(more),
    )


def _api(body: Mapping[str, Any]) -> str:
    """The name that patterns are matched against, unless it follows from the method."""
    module = text_of(body.get("module", "requests"), "module", most=500)
    method = text_of(body.get("method", "get"), "method", most=500)
    return "" if module == "requests" and method.islower() else f"{module}.{method}"


def _request_id(body: Mapping[str, Any]) -> str:
    return text_of(body.get("request_id") or "", "request_id", most=200)


def _index(body: Mapping[str, Any]) -> ExecutionIndex:
    if "execution_index" not in body:
        raise WireError("execution_index is missing")
    return index_of(body["execution_index"])


def _callsite(body: Mapping[str, Any], more: Mapping[str, Any]) -> CallSite | None:
    file = optional_text(body.get("callsite_file"), "callsite_file")
    if not file:
        return None
    line = body.get("callsite_line") or 0
    function = words_of(more.get("function", ""), "function")
    return CallSite(printable(file), integer(line, "callsite_line"), function)


def _timeouts(
    body: Mapping[str, Any], more: Mapping[str, Any]
) -> tuple[float | None, float | None]:
    timeouts = more.get("timeouts")
    if isinstance(timeouts, list) and len(timeouts) == 2:
        connect, read = (None if each is None else number(each, "a timeout") for each in timeouts)
        return connect, read
    metadata = mapping(body.get("metadata") or {}, "metadata")
    if metadata.get("timeout") is None:
        return None, None
    seconds = number(metadata["timeout"], "metadata.timeout")
    return seconds, seconds


def _clock(body: Mapping[str, Any], name: str) -> VectorClock:
    counts = mapping(body.get(name) or {}, name)
    return VectorClock({key: integer(count, name) for key, count in counts.items()})


def write_received(message: RequestReceived, *, ours: bool) -> Payload:
    """The body of ``POST /filibuster/update`` for a received request."""
    payload: Payload = {
        "instrumentation_type": "request_received",
        "generated_id": str(message.generated_id),
        "execution_index": str(message.index),
        "target_service_name": message.service,
    }
    if ours:
        payload["request_id"] = message.request_id
        payload[OURS] = {"method": message.method, "path": message.path}
    return payload


def write_completed(message: InvocationCompleted, *, ours: bool) -> Payload:
    """The body of ``POST /filibuster/update`` for a call that has ended."""
    outcome, fault = message.outcome, message.fault
    payload: Payload = {
        "instrumentation_type": "invocation_complete",
        "generated_id": message.generated_id,
        "execution_index": str(message.index),
        "vclock": dict(message.vclock),
    }
    if outcome.exception is not None:
        metadata = fault_metadata(fault) if fault is not None else {}
        payload["exception"] = {"name": full_name(outcome.exception), "metadata": metadata}
    elif outcome.status is None:
        payload["return_value"] = {"__class__": "None"}
    else:
        payload["return_value"] = {
            "__class__": "Response",
            "status_code": str(outcome.status),
            "text": outcome.digest or NO_BODY,
        }
    if ours:
        payload["request_id"] = message.request_id
        payload[OURS] = {"read": outcome.digest is not None}
        if outcome.shape is not None:
            payload[OURS]["shape"] = write_shape(outcome.shape)
        if message.answer is not None:
            payload[OURS]["lost"] = OUTCOME.write(message.answer)
    return payload


def read_update(payload: Any) -> RequestReceived | InvocationCompleted:
    """Read the body of ``POST /filibuster/update``.

    :raises WireError: it violates the protocol.
    """
    body = mapping(payload, "the body")
    kind = body.get("instrumentation_type")
    if kind == "request_received":
        return _read_received(body)
    if kind == "invocation_complete":
        return _read_completed(body)
    raise WireError(
        "instrumentation_type must be 'request_received' or 'invocation_complete' in an update"
    )


def _read_received(body: Mapping[str, Any]) -> RequestReceived:
    more = mapping(body.get(OURS, {}), OURS)
    generated_id = body.get("generated_id")
    return RequestReceived(
        request_id=_request_id(body),
        index=_index(body),
        service=words_of(body.get("target_service_name"), "target_service_name"),
        method=words_of(more.get("method", ""), "method"),
        path=words_of(more.get("path", ""), "path"),
        generated_id=None if generated_id is None else integer(generated_id, "generated_id"),
    )


def _read_completed(body: Mapping[str, Any]) -> InvocationCompleted:
    more = mapping(body.get(OURS, {}), OURS)
    lost = more.get("lost")
    return InvocationCompleted(
        request_id=_request_id(body),
        index=_index(body),
        generated_id=integer(body.get("generated_id", -1), "generated_id"),
        vclock=_clock(body, "vclock"),
        outcome=_with_shape(_outcome(body, was_read=more.get("read")), more),
        answer=None if lost is None else OUTCOME.read(lost),
    )


def _with_shape(outcome: Outcome, more: Mapping[str, Any]) -> Outcome:
    given = more.get("shape")
    return outcome if given is None else replace(outcome, shape=read_shape(given))


def _outcome(body: Mapping[str, Any], *, was_read: Any) -> Outcome:
    if body.get("exception"):
        name = words_of(mapping(body["exception"], "exception").get("name"), "exception.name")
        return Outcome(exception=name.removeprefix(PREFIX))
    answer = mapping(body.get("return_value"), "return_value")
    if answer.get("__class__") == "None" and "status_code" not in answer:
        return Outcome()
    status = integer(answer.get("status_code"), "status_code")
    digest = optional_text(answer.get("text"), "text") or None
    unknown = was_read is False or (was_read is None and digest == NO_BODY)
    return Outcome(status=status, digest=None if unknown or status >= 400 else digest)
