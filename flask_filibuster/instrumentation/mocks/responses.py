"""The mock responses: ``HTTPAdapter.send`` is replaced, whenever a test starts it.

The calls are met where responses looks for an answer, so that it does not matter who replaced
``send`` first. What it lets pass goes through the real ``send``, which it has kept.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import responses

from flask_filibuster.instrumentation.clients.base import Patch, takes_no_part
from flask_filibuster.instrumentation.clients.requests.adapter import CLIENT
from flask_filibuster.instrumentation.mocking import Mock

_REAL = "_real_send"


class Responses(Mock):
    """The library responses."""

    name = "responses"

    def hold(self) -> Sequence[Patch]:
        """Wrap the search for an answer, and the send of what passes."""
        mocks = responses.RequestsMock
        held = [Patch.hold(mocks, "_on_request", self._on_request)]
        if "real_adapter_send" in inspect.signature(mocks).parameters:
            return [*held, Patch.hold(mocks, _REAL, lambda _absent, patch: _RealSend(patch))]
        # In older versions, all mocks share the send that the module has kept.
        return [*held, Patch.hold(responses, _REAL, self._real_send)]

    def _real_send(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        return _passing_on(original, patch)

    def _on_request(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        def on_request(
            mocked: Any, adapter: Any, request: Any, *, retries: Any = None, **options: Any
        ) -> Any:
            def ask(adapter: Any, request: Any, **options: Any) -> Any:
                return original(mocked, adapter, request, retries=retries, **options)

            if takes_no_part() or not patch.active:
                return ask(adapter, request, **options)
            return CLIENT.sending.ask(self, ask, adapter, request, options)

        return on_request


class _RealSend:
    """The ``send`` that each mock keeps from before it was started."""

    def __init__(self, patch: Patch) -> None:
        self._patch = patch

    def __get__(self, mocked: Any, _owner: Any = None) -> Any:
        if mocked is None:
            return self
        return _passing_on(vars(mocked)[_REAL], self._patch)

    def __set__(self, mocked: Any, real: Any) -> None:
        vars(mocked)[_REAL] = real


def _passing_on(real: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    """The real send, whose calls are seen."""
    if Patch.is_ours(real):  # It was imported while calls were instrumented.
        real = inspect.unwrap(real)

    def send(adapter: Any, request: Any, **options: Any) -> Any:
        if takes_no_part() or not patch.active:
            return real(adapter, request, **options)
        return CLIENT.sending.pass_on(real, adapter, request, options)

    return send
