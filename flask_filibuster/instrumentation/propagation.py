"""The headers that carry a call's place in an execution to its callee."""

from __future__ import annotations

from collections.abc import Iterable

from flask_filibuster.protocol import headers as wire
from flask_filibuster.protocol.headers import Propagated, write_headers
from flask_filibuster.server.signing import Seal

PLACE = frozenset(
    name.lower()
    for name in (
        wire.REQUEST_ID,
        wire.EXECUTION_INDEX,
        wire.GENERATED_ID,
        wire.VCLOCK,
        wire.ORIGIN_VCLOCK,
        wire.FORCED_SLEEP,
        wire.SIGNATURE,
    )
)
"""Their names, in lower case. A gateway forwards its caller's, which must not reach its callee."""

UNSEEN = wire.INSTRUMENTATION
"""The header of requests that belong to the instrumentation itself."""


def headers_for(place: Propagated, seal: Seal | None) -> dict[str, str]:
    """The headers to send with a call.

    :param place: the call's place in the execution.
    :param seal: signs the headers; ``None``: they are not signed.
    """
    headers = write_headers(place)
    if seal is not None:
        headers[wire.SIGNATURE] = seal.sign(*wire.signed_parts(headers))
    return headers


def names_place(names: Iterable[str]) -> bool:
    """Whether any of these header names, in lower case, carries a place."""
    return not PLACE.isdisjoint(names)
