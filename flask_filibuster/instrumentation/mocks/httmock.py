"""The mock HTTMock: ``Session.send`` is replaced while a block runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import httmock
from requests.adapters import HTTPAdapter

from flask_filibuster.instrumentation.clients.base import Patch, here, perform_mocked, takes_no_part
from flask_filibuster.instrumentation.clients.requests.adapter import CLIENT
from flask_filibuster.instrumentation.clients.requests.call import RequestsCall
from flask_filibuster.instrumentation.mocking import Mock


class _NoAnswerError(Exception):
    """No handler has an answer: the session really sends the request."""


class Httmock(Mock):
    """The library httmock."""

    name = "httmock"

    def hold(self) -> Sequence[Patch]:
        """Wrap the search for an answer."""
        return [Patch.hold(httmock.HTTMock, "intercept", self._intercept)]

    def passes_on(self, error: BaseException) -> bool:
        """Whether no handler has an answer."""
        return isinstance(error, _NoAnswerError)

    def _intercept(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        def intercept(mocked: Any, request: Any, **options: Any) -> Any:
            if takes_no_part() or not patch.active:
                return original(mocked, request, **options)
            scope = here()
            network = scope.network if scope is not None else None
            if network is not None and network.service_at(request.url) is not None:
                return None  # The adapter reaches it.

            def take() -> Any:
                answer = original(mocked, request, **options)
                if answer is None:
                    raise _NoAnswerError
                return answer

            call = RequestsCall(CLIENT, HTTPAdapter(), request, options, by_hand=False)
            try:
                return perform_mocked(call, take, mock=self)
            except _NoAnswerError:
                return None

        return intercept
