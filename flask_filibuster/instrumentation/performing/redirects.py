"""Where an injected redirect leads: the hops that belong to the fault."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask_filibuster.core.kinds.answer import Answer, Asked
from flask_filibuster.core.kinds.base import Kind
from flask_filibuster.core.vocabulary import Failure
from flask_filibuster.instrumentation.outgoing import AnyCall


@dataclass(frozen=True, slots=True)
class _Redirect:
    """A redirect that was injected.

    :ivar chain: see :attr:`AnyCall.chain`.
    :ivar kind: the kind of fault.
    :ivar origin: the application's request. To send it again is no hop.
    :ivar path: where the redirect leads. Libraries normalise the rest of a URL.
    """

    chain: object
    kind: Kind
    origin: object
    path: str


_current: ContextVar[_Redirect | None] = ContextVar("flask_filibuster_redirect", default=None)
"""The redirect that was last injected. A library goes on from it in the same context."""


def begin_redirect(call: AnyCall[Any], kind: Kind, answer: Answer) -> None:
    """Note a redirect that is the answer of a fault.

    :param call: the call that is redirected.
    :param kind: the kind of fault.
    :param answer: the answer.
    """
    location = dict(answer.headers).get("Location")
    if location is not None and call.chain is not None:
        path = urlsplit(location).path or "/"
        _current.set(_Redirect(call.chain, kind, call.origin, path))


def hop_of(call: AnyCall[Any]) -> Answer | Failure | None:
    """What a call meets that a library makes by itself, as it was redirected by a fault.

    A service that redirects does so every time, and its login page belongs to the redirect: such a
    hop is part of the fault, and no call of its own that could fail otherwise.

    :returns: an answer or a failure; ``None``: it is a call as any other.
    """
    redirect = _current.get()
    if redirect is None or redirect.chain is not call.chain:
        return None
    is_again = call.origin is not None and call.origin is redirect.origin
    if is_again or (urlsplit(call.url).path or "/") != redirect.path:
        return None
    met = redirect.kind.follow(Asked(call.operation, call.url, time.time()))
    if met is None:
        _current.set(None)
    return met
