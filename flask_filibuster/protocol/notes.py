"""Notes: what services and tests tell a server of this project beyond the protocol, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.messages import (
    InjectionFailed,
    ReportsLost,
    RequestAnswered,
    RequestEnded,
    RequestReceived,
    RequestStarted,
)
from flask_filibuster.errors import WireError
from flask_filibuster.protocol.payloads import read_outcome, read_position, write_outcome
from flask_filibuster.protocol.reading import index_of, mapping, number, text_of, url_of, words_of
from flask_filibuster.protocol.records import read_crash, write_crash

Note = (
    RequestReceived
    | RequestAnswered
    | InjectionFailed
    | ReportsLost
    | RequestStarted
    | RequestEnded
)
Record = dict[str, Any]
LONGEST_REASON = 2000


def write_note(note: Note) -> Record:
    """A note as plain data."""
    content: Record = {"note": _NAMES[type(note)], "request_id": note.request_id}
    if not isinstance(note, ReportsLost):
        content["execution_index"] = str(note.index)
    if isinstance(note, RequestReceived):
        content.update(service=note.service, method=note.method, path=note.path)
    elif isinstance(note, RequestAnswered):
        content["answer"] = None if note.answer is None else write_outcome(note.answer)
        content["crash"] = None if note.crash is None else write_crash(note.crash)
    elif isinstance(note, RequestStarted):
        content.update(
            method=note.method,
            url=note.url,
            timeout=list(note.timeout),
            position=[list(step) for step in note.position],
            told_by_callee=note.told_by_callee,
        )
    elif isinstance(note, RequestEnded):
        content["outcome"] = write_outcome(note.outcome)
    else:
        content["reason"] = note.reason[:LONGEST_REASON]
        if isinstance(note, ReportsLost):
            content["age"] = note.age
    return content


def read_note(value: Any) -> Note:
    """Read what :func:`write_note` gave.

    :raises WireError: it is something else.
    """
    entry = mapping(value, "the body")
    read = _READERS.get(entry.get("note") if isinstance(entry.get("note"), str) else None)
    if read is None:
        raise WireError(f"note must be one of {', '.join(map(str, _READERS))}")
    return read(entry, text_of(entry.get("request_id"), "request_id", most=200))


def _index(entry: Mapping[str, Any]) -> ExecutionIndex:
    return index_of(entry.get("execution_index"))


def _read_received(entry: Mapping[str, Any], request_id: str) -> Note:
    return RequestReceived(
        request_id,
        _index(entry),
        words_of(entry.get("service"), "service"),
        words_of(entry.get("method"), "method"),
        words_of(entry.get("path"), "path"),
    )


def _read_answered(entry: Mapping[str, Any], request_id: str) -> Note:
    answer, crash = entry.get("answer"), entry.get("crash")
    return RequestAnswered(
        request_id,
        _index(entry),
        None if answer is None else read_outcome(answer),
        None if crash is None else read_crash(crash),
    )


def _read_started(entry: Mapping[str, Any], request_id: str) -> Note:
    timeout = entry.get("timeout", [None, None])
    if not isinstance(timeout, list) or len(timeout) != 2:
        raise WireError("timeout is not a pair")
    connect, read = (None if each is None else number(each, "timeout") for each in timeout)
    return RequestStarted(
        request_id,
        _index(entry),
        words_of(entry.get("method"), "method"),
        url_of(entry.get("url"), "url"),
        (connect, read),
        read_position(entry.get("position", [])),
        entry.get("told_by_callee") is True,
    )


def _read_ended(entry: Mapping[str, Any], request_id: str) -> Note:
    return RequestEnded(request_id, _index(entry), read_outcome(entry.get("outcome")))


def _read_failed(entry: Mapping[str, Any], request_id: str) -> Note:
    return InjectionFailed(request_id, _index(entry), _reason(entry))


def _read_lost(entry: Mapping[str, Any], request_id: str) -> Note:
    return ReportsLost(request_id, _reason(entry), number(entry.get("age", 0), "age"))


def _reason(entry: Mapping[str, Any]) -> str:
    return words_of(entry.get("reason"), "reason")[:LONGEST_REASON]


_READERS: Mapping[str | None, Callable[[Mapping[str, Any], str], Note]] = {
    "received": _read_received,
    "answered": _read_answered,
    "request": _read_started,
    "request_ended": _read_ended,
    "injection_failed": _read_failed,
    "reports_lost": _read_lost,
}
_NAMES: Mapping[type, str] = {
    RequestReceived: "received",
    RequestAnswered: "answered",
    RequestStarted: "request",
    RequestEnded: "request_ended",
    InjectionFailed: "injection_failed",
    ReportsLost: "reports_lost",
}
