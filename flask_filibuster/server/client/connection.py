"""Calls to a Filibuster server somewhere else: connections that are kept, and what goes wrong."""

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
    """Speaks JSON with one server. May be used by any number of threads, and across forks.

    What it sends is never taken for a call of the application: it goes past requests, and is
    marked with ``X-Filibuster-Instrumentation``.

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
        # Who did not answer in time would hold up every call of the application in turn.
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
        :param content: plain data to send as JSON; ``None``: nothing.
        :param harmless: whether a repetition does no harm, so that it may be tried again.
        :param timeout: how long to wait for the answer, in seconds, where not as usual.
        :param plain_ok: whether an answer of 200 need not be JSON, and counts as empty then: some
            calls of the protocol ask for no more than the status.
        :returns: the JSON of the answer.
        :raises ServerError: the server was not reached, or answered anything but 200 and JSON.
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
        except urllib3_errors.NewConnectionError as error:  # To urllib3, a timeout; often, at once.
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
        """Status and body of the server's answer, which is read no further than it may be long."""
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
                f"{what} with status {status} and no JSON, but {answer[:80]!r}"
            ) from error
        if status == 200:
            return content
        why = content.get("error") if isinstance(content, dict) else None
        said = f": {printable(str(why)[:500])}" if why else ""
        raise ServerError(f"{what} with status {status}{said}")

    def failed(self) -> None:
        """The server could not be reached: what is known of it may not hold any more."""

    def _connections(self) -> urllib3.HTTPConnectionPool:
        """The pool of this process: a connection that two processes share would mix answers up."""
        with self._lock:
            process = os.getpid()
            if self._pool is None or self._process != process:
                self._pool = urllib3.connection_from_url(self.url, maxsize=1000)
                self._process = process
            return self._pool

    def close(self) -> None:
        """Close the connections that are kept; they are opened again on need."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()


class _UnreachableError(ServerError):
    """Nothing, or not all, of an answer came back."""
