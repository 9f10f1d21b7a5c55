"""Adapters whose class has its own ``send``: it runs unchanged, above the instrumented ``send``.

Such a ``send`` sets a timeout, signs calls, looks into a cache, or retries. It belongs to the
application, so faults happen below it, and only requests that it passes on are calls.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from flask_filibuster.instrumentation.clients.base import calls_super

Send = Callable[..., Response]
_SLOT = "_filibuster_send"


class _Below(HTTPAdapter):
    """Between an application's classes and ``HTTPAdapter`` in the method resolution order."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        send: Send = getattr(self, _SLOT)
        return send(request, **dict(zip(_OPTIONS, args, strict=False)), **options)


_OPTIONS = ("stream", "timeout", "verify", "cert", "proxies")


@lru_cache(maxsize=64)
def _with_slot(cls: Any) -> Any:
    """The class with :class:`_Below` as a base; ``None`` if a ``send`` doesn't call ``super()``."""
    own = [each for each in cls.__mro__[: cls.__mro__.index(HTTPAdapter)] if "send" in vars(each)]
    if not own or not all(calls_super(vars(each)["send"]) for each in own):
        return None
    try:
        return type(cls)(cls.__name__, (cls, _Below), {"__slots__": (_SLOT,)})
    except TypeError:  # The class or its metaclass does not support such a subclass.
        return None


def with_own_send(adapter: Any, below: Send) -> HTTPAdapter | None:
    """The adapter, with ``below`` as the ``send`` that its own one calls by ``super()``.

    It shares its attributes with the original, so changes to them persist.

    :returns: ``None`` for an adapter without its own ``send``, and for one that doesn't call
        ``super()``.
    """
    if not isinstance(adapter, HTTPAdapter) or type(adapter) is HTTPAdapter:
        return None
    if "send" in vars(adapter):  # Replaced for this one object.
        return None
    cls: Any = type(adapter)
    with_slot = _with_slot(cls)
    if with_slot is None:
        return None
    double: HTTPAdapter = object.__new__(with_slot)
    double.__dict__ = adapter.__dict__
    object.__setattr__(double, _SLOT, below)
    return double
