"""Adapters whose class has a ``send`` of its own: it runs as ever, and what it hands on to is ours.

Such a ``send`` gives calls a timeout, signs them, looks into a cache, or tries again. Its part is
the application's, so faults happen below it, and only what it lets through is a call.
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
    """Comes after an application's classes and before ``HTTPAdapter`` in the order of methods."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        send: Send = getattr(self, _SLOT)
        return send(request, **dict(zip(_OPTIONS, args, strict=False)), **options)


_OPTIONS = ("stream", "timeout", "verify", "cert", "proxies")


@lru_cache(maxsize=64)
def _with_slot(cls: Any) -> Any:
    """The class with :class:`_Below` at its base; ``None`` if its ``send`` does not lead there."""
    own = [each for each in cls.__mro__[: cls.__mro__.index(HTTPAdapter)] if "send" in vars(each)]
    if not own or not all(calls_super(vars(each)["send"]) for each in own):
        return None
    try:
        return type(cls)(cls.__name__, (cls, _Below), {"__slots__": (_SLOT,)})
    except TypeError:  # The class, or its metaclass, does not let itself be extended like that.
        return None


def with_own_send(adapter: Any, below: Send) -> HTTPAdapter | None:
    """The adapter, with ``below`` in place of the ``send`` that its own one hands on to.

    It shares its attributes with the original, so that what it notes in itself stays noted.

    :returns: ``None`` for an adapter without a ``send`` of its own, and for one that does not hand
        on by ``super()``.
    """
    if not isinstance(adapter, HTTPAdapter) or type(adapter) is HTTPAdapter:
        return None
    if "send" in vars(adapter):  # Somebody has replaced it for this one object.
        return None
    cls: Any = type(adapter)
    with_slot = _with_slot(cls)
    if with_slot is None:
        return None
    double: HTTPAdapter = object.__new__(with_slot)
    double.__dict__ = adapter.__dict__
    object.__setattr__(double, _SLOT, below)
    return double
