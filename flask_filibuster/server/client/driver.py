"""The driver's side of the protocol: the next execution, and its end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.messages import RequestEnded, RequestStarted
from flask_filibuster.errors import FilibusterError, ServerError
from flask_filibuster.protocol.notes import write_note
from flask_filibuster.protocol.reading import OURS, mapping, text_of
from flask_filibuster.protocol.records import read_fault_set
from flask_filibuster.server.client.remote import RemoteServer
from flask_filibuster.server.conductor import Verdict

PATIENCE = 60.0


class RemoteDriver:
    """Drives one exploration on a remote server, of this project or another.

    Every method raises ``ServerError`` if the server's answer violates the protocol.

    :param server: the server.
    """

    def __init__(self, server: RemoteServer) -> None:
        self.server = server
        self._exploration: str | None = None
        self._request_id: str | None = None

    @property
    def url(self) -> str:
        """URL of the server."""
        return self.server.url

    def open(self, options: Mapping[str, Any]) -> None:
        """Open the exploration.

        :param options: name, analysis, reduction, max_faults, max_executions, and faults for a
            single execution; a server of another project knows none of them but the analysis.
        """
        if self.server.is_ours():
            answer = self._call("POST", "/filibuster/explorations", dict(options))
            self._exploration = text_of(answer.get("exploration"), "exploration")
        elif options.get("faults") is not None:
            raise ServerError(
                f"the server at {self.url} belongs to another project and cannot replay a "
                "counterexample; replay it without a server"
            )
        elif options.get("analysis") is not None:
            self._call("POST", "/filibuster/analysis-file", options["analysis"])

    def has_next(self, number: int) -> tuple[bool, FaultSet | None]:
        """Ask for execution ``number`` (from 1).

        :returns: whether there is one, and its faults, if the server reports them.
        """
        self._request_id = None
        path = f"/filibuster/has-next-iteration/{number}{self._query()}"
        answer = self._call("GET", path)
        there = answer.get("has-next-iteration")
        if not isinstance(there, bool):
            raise ServerError(
                f"the answer of the server at {self.url} has no boolean 'has-next-iteration'"
            )
        more = answer.get(OURS)
        if more is None:
            return there, None
        try:
            return there, read_fault_set(mapping(more, OURS).get("faults"))
        except FilibusterError as error:
            raise ServerError(f"the server at {self.url} plans invalid faults: {error}") from error

    def complete(self, number: int, verdict: Verdict) -> Mapping[str, Any] | None:
        """Report the end of execution ``number``.

        :returns: the observation, if the server reports it.
        """
        path = f"/filibuster/complete-iteration/{number}/exception/{int(verdict.failed)}"
        content = None
        if self._exploration is not None:
            content = {
                OURS: {
                    "error": verdict.error[:2000],
                    "signature": verdict.signature[:2000],
                    "problem": None if verdict.problem is None else verdict.problem[:4000],
                }
            }
        answer = self._call("POST", path + self._query(), content)
        more = answer.get(OURS)
        return None if more is None else mapping(more, OURS)

    def torn_down(self, number: int) -> None:
        """Report that execution ``number`` is cleaned up."""
        self._call("GET", f"/filibuster/teardowns-completed/{number}{self._query()}")

    def outcome(self) -> Mapping[str, Any] | None:
        """The results beyond the executions, if the server reports them."""
        if self._exploration is None:
            return None
        return self._call("GET", f"/filibuster/explorations/{quote(self._exploration)}")

    def end(self) -> None:
        """End the exploration early."""
        if self._exploration is not None:
            self._call("DELETE", f"/filibuster/explorations/{quote(self._exploration)}")

    def request_started(self, note: RequestStarted) -> None:
        """Report that the test makes a request, to a server that takes notes."""
        if self._exploration is not None:
            self._call("POST", f"/filibuster/note{self._query()}", write_note(note))

    def request_ended(self, note: RequestEnded) -> None:
        """Report the end of that request."""
        if self._exploration is not None:
            self._call("POST", "/filibuster/note", write_note(note))

    def fault_injected(self, service: str | None) -> bool:
        """Whether the execution under way injects a fault (on that service)."""
        if self._exploration is not None and self._request_id is None:
            request_id = str(uuid.uuid4())
            path = f"/filibuster/explorations/{quote(self._exploration)}/requests"
            self._call("POST", path, {"request_id": request_id})
            self._request_id = request_id
        return self.server.fault_injected(self._request_id or "", service)

    def _query(self) -> str:
        if self._exploration is None:
            return ""
        return f"?exploration={quote(self._exploration, safe='')}"

    def _call(self, method: str, path: str, content: Any = None) -> Mapping[str, Any]:
        # A server may search for some time, or wait for calls under way, before it answers.
        answer = self.server.client.call(
            method, path, content, timeout=PATIENCE, plain_ok=self._exploration is None
        )
        return answer if isinstance(answer, Mapping) else {}
