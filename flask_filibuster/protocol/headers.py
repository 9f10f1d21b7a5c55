"""The headers of the Filibuster protocol, to and from the types of core.

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
"""The headers that are read from a request."""

_SIGNED = (REQUEST_ID, EXECUTION_INDEX, GENERATED_ID, VCLOCK, FORCED_SLEEP)

USUAL = 1000
"""Maximum length of a header whose parsed value is cached."""

_REQUEST_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class Headers(Protocol):
    """The headers of a request, by name in any case."""

    def get(self, name: str, default: str, /) -> str:
        """A header's value, or ``default`` if it is missing."""


@dataclass(slots=True)
class Propagated:
    """A request's place in an execution; not frozen, for the reason that messages are not.

    :ivar request_id: id of the user's request; empty if the caller sends none.
    :ivar index: execution index of the call that caused this request.
    :ivar generated_id: the server's number of that call; ``None`` for a request of the test itself.
    :ivar vclock: clock of that call.
    :ivar forced_sleep: seconds that the callee waits before it handles the request, by a fault.
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
    """The signed values: every value that the receiver uses."""
    return tuple(headers.get(name, "") for name in _SIGNED)


def read_request_id(headers: Headers) -> str:
    """The request id alone; empty if it is missing or invalid."""
    request_id = headers.get(REQUEST_ID, "")
    return request_id if _REQUEST_ID.fullmatch(request_id) else ""


def read_headers(headers: Headers) -> Propagated | None:
    """Read the headers of a request; ``None`` if they name no place in an execution.

    A missing, oversized or invalid header counts as absent; the function never raises.

    :param headers: the request's headers.
    """
    text = headers.get(EXECUTION_INDEX, "")
    if not text or len(text) > LONGEST:
        return None
    request_id, number = read_request_id(headers), _number(headers)
    # A caller of another project may send no request id; then its number identifies it as one.
    if not request_id and number is None:
        return None
    index = _usual_index(text) if len(text) <= USUAL else _index(text)
    if index is None:
        return None
    return Propagated(request_id, index, number, _clock(headers), _forced_sleep(headers))


def _index(text: str) -> ExecutionIndex | None:
    """The index with this text; ``None``: invalid, or the index of the test itself."""
    try:
        index = ExecutionIndex.parse(text)
    except ValueError:
        return None
    return None if index == ROOT else index


# Only short ones, so that requests cannot fill a service's memory.
_usual_index = lru_cache(maxsize=2048)(_index)


def _number(headers: Headers) -> int | None:
    text = headers.get(GENERATED_ID, "")
    return int(text) if text and _NUMBER.fullmatch(text) else None


def _forced_sleep(headers: Headers) -> float:
    text = headers.get(FORCED_SLEEP, "")
    return float(text) if text and _SECONDS.fullmatch(text) else 0.0


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
