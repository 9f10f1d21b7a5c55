"""The mock pytest-httpserver: a real server, in a thread of the test's process."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlsplit

from pytest_httpserver.httpserver import HTTPServerBase

from flask_filibuster.instrumentation.mocking import Mock
from flask_filibuster.instrumentation.outgoing import AnyCall


class HttpServer(Mock):
    """The library pytest_httpserver."""

    name = "pytest_httpserver"

    def answers(self, call: AnyCall[Any]) -> bool:
        """Whether one of its servers has the URL."""
        parts = urlsplit(call.url)
        return any(
            parts.port == server.port and parts.hostname in (server.host, "localhost", "127.0.0.1")
            for server in map(_server_of, threading.enumerate())
            if server is not None
        )


def _server_of(thread: threading.Thread) -> Any:
    """The server that a thread runs, which is known only to whoever started it."""
    server = getattr(getattr(thread, "_target", None), "__self__", None)
    return server if isinstance(server, HTTPServerBase) else None
