"""A remote server, over HTTP."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.messages import (
    Decision,
    InjectionFailed,
    InvocationCompleted,
    InvocationStarted,
    ReportsLost,
    RequestAnswered,
    RequestReceived,
)
from flask_filibuster.errors import ServerError, WireError
from flask_filibuster.protocol.decisions import read_decision
from flask_filibuster.protocol.headers import Propagated
from flask_filibuster.protocol.notes import Note, write_note
from flask_filibuster.protocol.payloads import write_completed, write_create, write_received
from flask_filibuster.protocol.reading import OURS, mapping, text_of
from flask_filibuster.server.client.connection import READ_TIMEOUT, ServerClient

logger = logging.getLogger(__name__)

NAME = "flask-filibuster"
MOST_LOST = 1000


@dataclass(frozen=True, slots=True)
class Entrance:
    """The server's answer for a request that arrived without a place in an execution.

    :ivar first: whether the execution is new to the service.
    :ivar exploring: whether an exploration is under way; ``None`` if the server does not report it.
    :ivar place: the request's place in the execution, if the server assigns one.
    """

    first: bool
    exploring: bool | None = None
    place: Propagated | None = None


class RemoteServer:
    """A ``Server`` over HTTP, of this project or of another that speaks the protocol.

    Lost reports are sent as notes once the server is reachable again, so that an incomplete
    execution does not count as complete.

    :param url: base URL of the server.
    :param token: the shared secret, or ``None``.
    :param timeout: how long to wait for an answer, in seconds.
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeout: float = READ_TIMEOUT
    ) -> None:
        self.client = _WatchedClient(url, token=token, timeout=timeout, failed=self._forget)
        self._lock = threading.Lock()
        self._ours: bool | None = None
        self._lost: dict[str, tuple[str, float]] = {}

    @property
    def url(self) -> str:
        """URL of the server."""
        return self.client.url

    @property
    def takes_notes(self) -> bool:
        """Whether it is known to be a server of this project."""
        return self._ours is True

    @property
    def wants_digests(self) -> bool:
        """By the protocol, the caller reports them."""
        return True

    @property
    def wants_shapes(self) -> bool:
        """Servers of this project may plan faults of an answer's parts."""
        return self._ours is True

    def is_ours(self) -> bool:
        """Whether the server is of this project; the first use calls it.

        :raises ServerError: it is unreachable, or not a Filibuster server.
        """
        ours = self._ours
        if ours is None:
            answer = self.client.call("GET", "/health-check")
            if not isinstance(answer, dict) or answer.get("status") != "OK":
                raise ServerError(f"the server at {self.url} is not a Filibuster server")
            ours = self._ours = answer.get("server") == NAME and answer.get("notes") is True
        return ours

    def _forget(self) -> None:
        self._ours = None

    def create(self, message: InvocationStarted) -> Decision:
        """Request the decision on a call."""
        answer = self._tell(
            message.request_id,
            "PUT",
            "/filibuster/create",
            lambda ours: write_create(message, ours=ours),
        )
        return read_decision(answer)

    def received(self, message: RequestReceived) -> bool:
        """Report the service that a request reached.

        For a request of the test itself, only to servers of this project.
        """
        if message.generated_id is None:
            if self.is_ours():
                self.note(message)
            return False
        answer = self._tell(
            message.request_id,
            "POST",
            "/filibuster/update",
            lambda ours: write_received(message, ours=ours),
        )
        more = answer.get(OURS) if isinstance(answer, dict) else None
        # Another project's server confirms a request by not refusing it.
        return more.get("confirmed") is True if isinstance(more, dict) else not self.takes_notes

    def completed(self, message: InvocationCompleted) -> None:
        """Report the end of a call."""
        self._tell(
            message.request_id,
            "POST",
            "/filibuster/update",
            lambda ours: write_completed(message, ours=ours),
        )

    def answered(self, message: RequestAnswered) -> None:
        """Report the answer of a service."""
        self.note(message)

    def injection_failed(self, message: InjectionFailed) -> None:
        """Report that a fault could not be injected."""
        self.note(message)

    def note(self, note: Note) -> None:
        """Send a message beyond the protocol, to a server that takes notes."""
        self._tell(note.request_id, "POST", "/filibuster/note", lambda _: write_note(note))

    def fault_injected(self, request_id: str, service: str | None = None) -> bool:
        """Whether that request's execution injects a fault (on that service)."""
        path = "/filibuster/fault-injected"
        if service is not None:
            path += f"/{quote(service, safe='')}"
        if request_id:
            path += f"?{urlencode({'request_id': request_id})}"
        try:
            answer = self.client.call("GET", path, harmless=True)
        except ServerError as error:
            self._lose(request_id, error)
            raise
        result = answer.get("result") if isinstance(answer, dict) else None
        if not isinstance(result, bool):
            raise ServerError(
                f"the Filibuster server at {self.url} answered {path} without a result"
            )
        return result

    def new_test_execution(
        self, service: str, method: str, url: str, request_id: str = "", *, signature: str = ""
    ) -> Entrance:
        """Request the place of a request that carries none.

        :param service: the service that received it.
        :param method: its HTTP method.
        :param url: its URL.
        :param request_id: its id, if any.
        :param signature: distinguishes it from other requests, if method and URL do not.
        """
        path = f"/filibuster/new-test-execution/{quote(service, safe='')}"
        try:
            if self.is_ours():
                query = {"method": method, "url": url, "request_id": request_id}
                if signature:
                    query["signature"] = signature
                path = f"{path}?{urlencode(query)}"
            answer = mapping(self.client.call("GET", path), "the answer")
        except (ServerError, WireError) as error:
            self._lose(request_id, error)
            raise
        self._catch_up()
        first = answer.get("new-test-execution") is True
        more = answer.get(OURS)
        if more is None:
            return Entrance(first)
        details = mapping(more, OURS)
        if details.get("exploring") is not True:
            return Entrance(first, exploring=False)
        index = ExecutionIndex.parse(text_of(details.get("execution_index"), "execution_index"))
        place = Propagated(text_of(details.get("request_id"), "request_id", most=200), index)
        return Entrance(first, exploring=True, place=place)

    def _tell(self, request_id: str, method: str, path: str, write: Any) -> Any:
        try:
            answer = self.client.call(method, path, write(self.is_ours()))
        except (ServerError, WireError) as error:
            self._lose(request_id, error)
            raise
        self._catch_up()
        return answer

    def _lose(self, request_id: str, error: Exception) -> None:
        with self._lock:
            if len(self._lost) < MOST_LOST:
                self._lost[request_id] = str(error), time.monotonic()

    def _catch_up(self) -> None:
        """Report lost reports, now that the server is reachable."""
        if not self._lost or not self.takes_notes:
            return
        with self._lock:
            lost, self._lost = self._lost, {}
        while lost:
            request_id, (reason, when) = lost.popitem()
            why = f"a report of a service was lost: {reason}"
            note = ReportsLost(request_id, why, time.monotonic() - when)
            try:
                self.client.call("POST", "/filibuster/note", write_note(note))
            except ServerError as error:
                logger.warning("the Filibuster server is unreachable again: %s", error)
                with self._lock:
                    self._lost = {request_id: (reason, when), **lost, **self._lost}
                return

    def close(self) -> None:
        """Close the pooled connections."""
        self.client.close()


class _WatchedClient(ServerClient):
    """A client that reports when its server is unreachable."""

    def __init__(self, url: str, *, token: str | None, timeout: float, failed: Any) -> None:
        super().__init__(url, token=token, timeout=timeout)
        self._failed = failed

    def failed(self) -> None:
        self._failed()
