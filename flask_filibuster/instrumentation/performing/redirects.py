"""Where an injected redirect leads: the hops that belong to the fault."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.kinds.answer import Answer, Asked
from flask_filibuster.core.kinds.base import Kind
from flask_filibuster.core.vocabulary import Failure
from flask_filibuster.instrumentation.outgoing import AnyCall


@dataclass(frozen=True, slots=True)
class _Redirect:
    chain: object
    kind: Kind


_current: ContextVar[_Redirect | None] = ContextVar("flask_filibuster_redirect", default=None)
"""The redirect that was last injected. A library goes on from it in the same context."""


def begin_redirect(call: AnyCall[Any], kind: Kind, answer: Answer) -> None:
    """Note a redirect that is the answer of a fault.

    :param call: the call that is redirected.
    :param kind: the kind of fault.
    :param answer: the answer.
    """
    if 300 <= answer.status < 400 and call.chain is not None:
        _current.set(_Redirect(call.chain, kind))


def hop_of(call: AnyCall[Any]) -> Answer | Failure | None:
    """What a call meets that a library makes by itself, as it was redirected by a fault.

    A service that redirects does so every time, and its login page belongs to the redirect: such a
    hop is part of the fault, and no call of its own that could fail otherwise.

    :returns: an answer or a failure; ``None``: it is a call as any other.
    """
    redirect = _current.get()
    if redirect is None or redirect.chain is not call.chain:
        return None
    met = redirect.kind.follow(Asked(call.operation, call.url, time.time()))
    if met is None:
        _current.set(None)
    return met
