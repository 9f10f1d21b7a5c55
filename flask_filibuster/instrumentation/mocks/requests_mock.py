"""The mock requests_mock: a session gets an adapter of its own, or one is mounted by hand.

That adapter raises to let a request pass: then the mocker sends it again, as if it did not exist.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import requests_mock
import requests_mock.adapter
import requests_mock.mocker

from flask_filibuster.instrumentation.mocking import Mock
from flask_filibuster.instrumentation.outgoing import AnyCall

_RUN_REAL_HTTP = requests_mock.adapter._RunRealHTTP  # noqa: SLF001 - it has no public name


class RequestsMock(Mock):
    """The library requests_mock."""

    name = "requests_mock"

    def answers(self, call: AnyCall[Any]) -> bool:
        """Whether the call goes through its adapter."""
        return isinstance(getattr(call, "adapter", None), requests_mock.Adapter)

    def passes_on(self, error: BaseException) -> bool:
        """Whether the mocker above sends the request again after this error."""
        if isinstance(error, _RUN_REAL_HTTP):
            return True
        return isinstance(error, requests_mock.NoMockAddress) and _is_real_http()


def _is_real_http() -> bool:
    """Whether the innermost mocker on the stack sends what it has no answer for."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect is slower
    while frame is not None:
        if frame.f_globals is vars(requests_mock.mocker) and "session" in frame.f_locals:
            mocker = frame.f_locals.get("self")
            if isinstance(mocker, requests_mock.mocker.MockerCore):
                return bool(getattr(mocker, "real_http", False))
        frame = frame.f_back
    return False
