"""Notes, as JSON: reports of services and tests beyond the protocol, to servers of this project."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask_filibuster.core.messages import (
    InjectionFailed,
    ReportsLost,
    RequestAnswered,
    RequestEnded,
    RequestReceived,
    RequestStarted,
)
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Crash
from flask_filibuster.errors import WireError
from flask_filibuster.protocol.codec import Codec, Form, Record
from flask_filibuster.protocol.payloads import OUTCOME
from flask_filibuster.protocol.reading import mapping, position_of, text_of, url_of, words_of
from flask_filibuster.protocol.records import CRASH

Note = (
    RequestReceived
    | RequestAnswered
    | InjectionFailed
    | ReportsLost
    | RequestStarted
    | RequestEnded
)
Words = tuple[str, ...]
LONGEST_REASON = 2000


def write_note(note: Note) -> Record:
    """A note as plain data."""
    name = _NAMES[type(note)]
    return {"note": name, **_FORMS[name].write(note)}


def read_note(value: Any) -> Note:
    """Read the output of :func:`write_note`.

    :raises WireError: it is invalid.
    """
    entry = mapping(value, "the body")
    name = entry.get("note")
    form = _FORMS.get(name) if isinstance(name, str) else None
    if form is None:
        raise WireError(f"note must be one of {', '.join(_FORMS)}")
    note: Note = form.read(entry, "the body")
    return note


def _form(cls: type[Note], *, skip: Words = (), always: Words = ()) -> Form[Any]:
    return Form(
        cls,
        rename={"index": "execution_index"},
        skip=skip,
        always=always,
        codecs={
            "request_id": Codec(lambda value, name: text_of(value, name, most=200)),
            "reason": Codec(
                lambda value, name: words_of(value, name)[:LONGEST_REASON],
                lambda reason: reason[:LONGEST_REASON],
            ),
            "url": Codec(url_of),
            "position": Codec(position_of, lambda steps: [list(step) for step in steps]),
        },
        known={Outcome: OUTCOME.codec, Crash: CRASH.codec},
    )


_FORMS: Mapping[str, Form[Any]] = MappingProxyType(
    {
        "received": _form(RequestReceived, skip=("generated_id",)),
        "answered": _form(RequestAnswered, always=("answer", "crash")),
        "request": _form(RequestStarted, always=("timeout", "position", "told_by_callee")),
        "request_ended": _form(RequestEnded),
        "injection_failed": _form(InjectionFailed),
        "reports_lost": _form(ReportsLost, always=("age",)),
    }
)
_NAMES: Mapping[type, str] = MappingProxyType(
    {
        RequestReceived: "received",
        RequestAnswered: "answered",
        RequestStarted: "request",
        RequestEnded: "request_ended",
        InjectionFailed: "injection_failed",
        ReportsLost: "reports_lost",
    }
)
