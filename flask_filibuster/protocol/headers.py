"""The headers of the Filibuster protocol, to and from the nouns.

Source: the wire protocol of the Filibuster prototypes (Python and Java).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.vclock import VectorClock
from flask_filibuster.protocol.reading import LONGEST

GENERATED_ID = "X-Filibuster-Generated-Id"
EXECUTION_INDEX = "X-Filibuster-Execution-Index"
VCLOCK = "X-Filibuster-VClock"
ORIGIN_VCLOCK = "X-Filibuster-Origin-VClock"
FORCED_SLEEP = "X-Filibuster-Forced-Sleep"
REQUEST_ID = "X-Filibuster-Request-Id"
INSTRUMENTATION = "X-Filibuster-Instrumentation"

SIGNATURE = "X-Filibuster-Signature"

READ = (
    GENERATED_ID,
    EXECUTION_INDEX,
    VCLOCK,
    FORCED_SLEEP,
    REQUEST_ID,
    INSTRUMENTATION,
    SIGNATURE,
)
"""The headers that are looked at in a request."""

_SIGNED = (REQUEST_ID, EXECUTION_INDEX, GENERATED_ID, VCLOCK, FORCED_SLEEP)

USUAL = 1000
"""Longest text of a header that is kept, to be read only once."""

_REQUEST_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class Headers(Protocol):
    """The headers of a request, by name in any case."""

    def get(self, name: str, default: str, /) -> str:
        """A header's value, or ``default`` where it is missing."""


@dataclass(frozen=True, slots=True)
class Propagated:
    """What a request says about its place in a test execution.

    :ivar request_id: id of the user's request; empty where the caller gives none.
    :ivar index: execution index of the invocation that caused this request.
    :ivar generated_id: the server's number for it; ``None`` for a request of the test itself.
    :ivar vclock: clock of that invocation.
    :ivar forced_sleep: seconds that a fault makes the callee wait before it handles the request.
    """

    request_id: str
    index: ExecutionIndex
    generated_id: int | None = None
    vclock: VectorClock = field(default_factory=VectorClock)
    forced_sleep: float = 0.0


def write_headers(propagated: Propagated) -> dict[str, str]:
    """The headers to send with a request."""
    headers = {EXECUTION_INDEX: str(propagated.index)}
    if propagated.request_id:
        headers[REQUEST_ID] = propagated.request_id
    if propagated.generated_id is not None:
        clock = propagated.vclock.to_json()
        headers[GENERATED_ID] = str(propagated.generated_id)
        headers[VCLOCK] = clock
        headers[ORIGIN_VCLOCK] = clock
    if propagated.forced_sleep:
        # The prototypes send whole seconds: 2, not 2.000000.
        headers[FORCED_SLEEP] = f"{propagated.forced_sleep:.6f}".rstrip("0").rstrip(".")
    return headers


def signed_parts(headers: Headers | Mapping[str, str]) -> tuple[str, ...]:
    """What a signature is over: every value that the receiver goes by."""
    return tuple(headers.get(name, "") for name in _SIGNED)


def read_request_id(headers: Headers) -> str:
    """The request id alone; the empty string where there is none that fits."""
    request_id = headers.get(REQUEST_ID, "")
    return request_id if _REQUEST_ID.fullmatch(request_id) else ""


def read_headers(headers: Headers) -> Propagated | None:
    """Read the headers of a request; ``None`` where they do not name a place in an execution.

    A header that is missing, oversized or nonsense counts as not there; nothing is ever raised.

    :param headers: the request's headers.
    """
    request_id, number = read_request_id(headers), _number(headers)
    text = headers.get(EXECUTION_INDEX, "")
    # A caller of another project may give no request id; that it is one, its number tells.
    if not (request_id or number is not None) or len(text) > LONGEST:
        return None
    index = _usual_index(text) if len(text) <= USUAL else _index(text)
    if index is None:
        return None
    return Propagated(request_id, index, number, _clock(headers), _forced_sleep(headers))


def _index(text: str) -> ExecutionIndex | None:
    """The index with this text; ``None``: it is none, or that of the test itself."""
    try:
        index = ExecutionIndex.parse(text)
    except ValueError:
        return None
    return None if index == ROOT else index


# Only short ones: whoever reaches a service could fill its memory with others.
_usual_index = lru_cache(maxsize=2048)(_index)


def _number(headers: Headers) -> int | None:
    text = headers.get(GENERATED_ID, "")
    return int(text) if _NUMBER.fullmatch(text) else None


def _forced_sleep(headers: Headers) -> float:
    text = headers.get(FORCED_SLEEP, "")
    return float(text) if _SECONDS.fullmatch(text) else 0.0


def _clock(headers: Headers) -> VectorClock:
    text = headers.get(VCLOCK, "")
    if not text or len(text) > LONGEST:
        return VectorClock()
    return _usual_clock(text) if len(text) <= USUAL else _parsed_clock(text)


def _parsed_clock(text: str) -> VectorClock:
    try:
        return VectorClock.parse(text)
    except ValueError:
        return VectorClock()


_usual_clock = lru_cache(maxsize=2048)(_parsed_clock)
