"""The nature of a call on the wire: its library, and the family of its service.

Without these keys, as from other projects and older versions, a call is one of ``requests`` over
HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from flask_filibuster.core.fault import REQUESTS
from flask_filibuster.core.messages import InvocationStarted
from flask_filibuster.core.vocabulary import Family
from flask_filibuster.protocol.codec import Form, Record


@dataclass(frozen=True, slots=True)
class _Nature:
    target: str = ""
    library: str = REQUESTS
    family: Family = "http"
    idempotency_key: str = ""
    safe: bool | None = None
    repeatable: bool | None = None


_NAMES = tuple(each.name for each in fields(_Nature))
_FORM = Form(_Nature, name="a call")


def write_nature(message: InvocationStarted) -> Record:
    """The fields that differ from those of a call of requests over HTTP."""
    return _FORM.write(_Nature(*(getattr(message, name) for name in _NAMES)))


def read_nature(entry: Any) -> dict[str, Any]:
    """The fields of :class:`InvocationStarted` that :func:`write_nature` wrote.

    :raises WireError: they are invalid.
    """
    nature = _FORM.read(entry)
    return {name: getattr(nature, name) for name in _NAMES}
