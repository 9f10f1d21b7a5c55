"""Calls to a remote Filibuster server: pooled connections and their errors."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions as urllib3_errors

from flask_filibuster.errors import ServerError
from flask_filibuster.protocol.headers import INSTRUMENTATION, SIGNATURE
from flask_filibuster.protocol.reading import printable
from flask_filibuster.server.signing import seal_of

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 2.0
READ_TIMEOUT = 5.0
LONGEST_ANSWER = 64 * 1024 * 1024
_REPEATS = 2
_PAUSE = 0.1


class ServerClient:
    """A JSON client for one server, safe for any number of threads, and across forks.

    Its calls never count as calls of the application: they bypass requests, and carry the header
    ``X-Filibuster-Instrumentation``.

    :param url: base URL of the server.
    :param token: the shared secret, or ``None``.
    :param timeout: how long to wait for an answer, in seconds.
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeout: float = READ_TIMEOUT
    ) -> None:
        self.url = url.rstrip("/")
        self._prefix = urlsplit(self.url).path
        self._seal = seal_of(token)
        self._timeout = timeout
        self._lock = threading.Lock()
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._process = 0
        # After a timeout: otherwise every call of the application would wait for the timeout again.
        self._shunned_until = 0.0

    def call(
        self,
        method: str,
        path: str,
        content: Any = None,
        *,
        harmless: bool = False,
        timeout: float | None = None,
        plain_ok: bool = False,
    ) -> Any:
        """Call the server.

        :param method: HTTP method.
        :param path: path and query string.
        :param content: plain data to send as JSON; ``None``: no body.
        :param harmless: whether the call is idempotent and may be retried.
        :param timeout: how long to wait for the answer, in seconds; by default, the client's.
        :param plain_ok: whether an answer of 200 without JSON counts as empty: some calls of the
            protocol need only the status.
        :returns: the JSON of the answer.
        :raises ServerError: the server is unreachable, or its answer is not 200 with JSON.
        """
        left = _REPEATS if harmless else 0
        while True:
            try:
                return self._call_once(method, path, content, timeout, plain_ok)
            except _UnreachableError:
                if not left:
                    raise
            left -= 1
            time.sleep(_PAUSE)

    def _call_once(
        self, method: str, path: str, content: Any, timeout: float | None, plain_ok: bool
    ) -> Any:
        if time.monotonic() < self._shunned_until:
            raise ServerError(
                f"the Filibuster server at {self.url} timed out a moment ago; "
                "calls to it are suspended"
            )
        body = b"" if content is None else json.dumps(content).encode()
        seconds = self._timeout if timeout is None else timeout
        began = time.monotonic()
        try:
            status, answer = self._answer(method, self._prefix + path, body, seconds)
        except (
            urllib3_errors.NewConnectionError
        ) as error:  # A timeout in urllib3, but often immediate.
            if time.monotonic() - began > _PAUSE:
                self._shunned_until = time.monotonic() + min(seconds, READ_TIMEOUT)
            self.failed()
            raise ServerError(self._away(error)) from error
        except urllib3_errors.TimeoutError as error:
            self._shunned_until = time.monotonic() + min(seconds, READ_TIMEOUT)
            self.failed()
            raise ServerError(
                f"the Filibuster server at {self.url} did not answer within {seconds:g} s"
            ) from error
        except (urllib3_errors.HTTPError, OSError) as error:
            self.failed()
            raise _UnreachableError(self._away(error)) from error
        return self._content(method, path, status, answer, plain_ok=plain_ok)

    def _answer(self, method: str, target: str, body: bytes, seconds: float) -> tuple[int, bytes]:
        """Status and body of the server's answer, read up to the maximum length."""
        headers = {"Content-Type": "application/json", INSTRUMENTATION: "true"}
        if self._seal is not None:
            headers[SIGNATURE] = self._seal.sign(method, target, body)
        response = self._connections().urlopen(
            method,
            target,
            body=body,
            headers=headers,
            retries=False,
            redirect=False,
            timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT, seconds), read=seconds),
            preload_content=False,
        )
        answer = response.read(LONGEST_ANSWER)
        response.release_conn()
        return response.status, answer

    def _away(self, error: Exception) -> str:
        return f"the Filibuster server at {self.url} cannot be reached: {error!r}"

    def _content(
        self, method: str, path: str, status: int, answer: bytes, *, plain_ok: bool
    ) -> Any:
        what = f"the Filibuster server at {self.url} answered {method} {path}"
        try:
            content = json.loads(answer)
        except (ValueError, RecursionError) as error:
            if plain_ok and status == 200:
                return {}
            raise ServerError(
                f"{what} with status {status}, but without JSON: {answer[:80]!r}"
            ) from error
        if status == 200:
            return content
        why = content.get("error") if isinstance(content, dict) else None
        said = f": {printable(str(why)[:500])}" if why else ""
        raise ServerError(f"{what} with status {status}{said}")

    def failed(self) -> None:
        """The server is unreachable: cached knowledge about it may be outdated."""

    def _connections(self) -> urllib3.HTTPConnectionPool:
        """The pool of this process: processes that share a connection would mix up answers."""
        with self._lock:
            process = os.getpid()
            if self._pool is None or self._process != process:
                self._pool = urllib3.connection_from_url(self.url, maxsize=1000)
                self._process = process
            return self._pool

    def close(self) -> None:
        """Close the pooled connections; later calls open new ones."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()


class _UnreachableError(ServerError):
    """No answer, or an incomplete one, arrived."""
