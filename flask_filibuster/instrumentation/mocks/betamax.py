"""The mock betamax: an adapter that plays a cassette, mounted in one session."""

from __future__ import annotations

from functools import partial
from typing import Any

from betamax.adapter import BetamaxAdapter
from betamax.matchers import matcher_registry

from flask_filibuster.instrumentation.mocking import Mock
from flask_filibuster.instrumentation.outgoing import AnyCall


class Betamax(Mock):
    """The library betamax."""

    name = "betamax"

    def answers(self, call: AnyCall[Any]) -> bool:
        """Whether the cassette has an answer that is not used up, or refuses the call."""
        cassette = _cassette(call)
        if cassette is None:
            return False
        return not cassette.is_recording() or _plays(cassette, getattr(call, "request", None))

    def records(self, call: AnyCall[Any]) -> bool:
        """Whether the answer of the network is recorded, with the request."""
        return _cassette(call) is not None


def _cassette(call: AnyCall[Any]) -> Any:
    adapter = getattr(call, "adapter", None)
    return adapter.cassette if isinstance(adapter, BetamaxAdapter) else None


def _plays(cassette: Any, request: Any) -> bool:
    """Whether a cassette that records finds a match, without a note that it is used."""
    if cassette.record_mode != "new_episodes":
        return False
    matchers = [partial(matcher_registry[name].match, request) for name in cassette.match_options]
    free = [each for each in cassette.interactions if not (each.used or each.ignored)]
    return any(each.match(matchers) for each in free)
