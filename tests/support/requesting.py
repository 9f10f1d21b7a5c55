"""What tests compare of calls made with requests."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from flask_filibuster.core.call import Call
from tests.support.callers import dead_url


def paths(calls: tuple[Call, ...]) -> list[str]:
    return [call.url.removeprefix("http://leaf/") for call in calls]


def counts(calls: tuple[Call, ...]) -> list[int]:
    return [call.index.pairs[-1][1] for call in calls]


def timeout_of(call: Call) -> Any:
    return call.timeout


def session_with(adapter: BaseAdapter) -> requests.Session:
    session = requests.Session()
    session.mount("http://", adapter)
    return session


@pytest.fixture
def dead() -> str:
    return dead_url()


class DefaultTimeout(HTTPAdapter):
    """The adapter that so many projects have."""

    def __init__(self, timeout: float, **options: Any) -> None:
        self.timeout = timeout
        self.sent = 0
        super().__init__(**options)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        self.sent += 1
        if options.get("timeout") is None:
            options["timeout"] = self.timeout
        return super().send(request, *args, **options)


class Twice(HTTPAdapter):
    """Tries again by itself, and gives up in its own way."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        try:
            return super().send(request, *args, **options)
        except requests.ConnectionError:
            return super().send(request, *args, **options)


class Signing(HTTPAdapter):
    """Adds to every request, and to every response."""

    def add_headers(self, request: requests.PreparedRequest, **options: Any) -> None:
        request.headers["X-Signature"] = "signed"

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = super().build_response(req, resp)
        response.headers["X-Checked"] = "yes"
        return response


def retrying(policy: Any) -> requests.Session:
    session = session_with(HTTPAdapter(max_retries=policy))
    session.trust_env = False
    return session
