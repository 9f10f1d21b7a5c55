"""The part of the protocol for services and tests."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from flask_filibuster.core.call import Call
from flask_filibuster.core.messages import (
    InjectionFailed,
    ReportsLost,
    RequestAnswered,
    RequestEnded,
    RequestReceived,
)
from flask_filibuster.core.urls import host_of
from flask_filibuster.protocol.decisions import write_decision
from flask_filibuster.protocol.notes import Note, read_note
from flask_filibuster.protocol.payloads import read_create, read_update
from flask_filibuster.protocol.reading import OURS, url_of
from flask_filibuster.server.conductor import Conductor, OutOfTurnError
from flask_filibuster.server.http.asked import (
    Views,
    adopt,
    answered,
    body,
    exploration_named,
    request_id,
)


class ServiceViews:
    """The views for services."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor
        self._server = conductor.embedded

    def views(self) -> Views:
        """The rules and their views."""
        return [
            ("/filibuster/create", "PUT", self._create),
            ("/filibuster/update", "POST", self._update),
            ("/filibuster/new-test-execution/<service>", "GET", self._new_test_execution),
            ("/filibuster/note", "POST", self._note),
        ]

    def _create(self) -> Response:
        message = read_create(body())
        return answered(write_decision(message.index, self._server.create(message)))

    def _update(self) -> Response:
        content = body()
        message = read_update(content)
        if isinstance(message, RequestReceived):
            confirmed = self._server.received(message)
            return answered({OURS: {"confirmed": confirmed}} if OURS in content else {})
        self._server.completed(message)
        return answered({})

    def _new_test_execution(self, service: str) -> Response:
        """Whether the execution is new to the service; for our services, also the place in it."""
        execution = self._server.under_way(request_id())
        first = execution is not None and execution.enter(service[:200])
        answer: dict[str, Any] = {"new-test-execution": first}
        url, method = request.args.get("url"), request.args.get("method")
        if url is None or method is None:
            return answered(answer)
        place = None
        if execution is not None:
            url = url_of(url[:8000], "url")
            signature = request.args.get("signature", "")[:8000]
            place = execution.admit(
                service[:200], method[:20], url, request_id(), signature=signature
            )
        answer[OURS] = {"exploring": place is not None}
        if place is not None:
            answer[OURS]["request_id"] = place.request_id
            answer[OURS]["execution_index"] = str(place.index)
        return answered(answer)

    def _note(self) -> Response:
        self._take(read_note(body()))
        return answered({})

    def _take(self, note: Note) -> None:
        if isinstance(note, RequestAnswered):
            self._server.answered(note)
        elif isinstance(note, InjectionFailed):
            self._server.injection_failed(note)
        elif isinstance(note, RequestReceived):
            self._server.received(note)
        elif isinstance(note, ReportsLost):
            self._server.reports_lost(note)
        else:
            exploration = exploration_named()
            if exploration:
                adopt(self._conductor, note.request_id, exploration)
            execution = self._server.under_way(note.request_id)
            if execution is None:
                raise OutOfTurnError("this request belongs to no execution under way")
            if isinstance(note, RequestEnded):
                execution.request_ended(note.index, note.outcome)
            else:
                execution.note_request(
                    Call(
                        index=note.index,
                        source="",
                        target=host_of(note.url),
                        method=note.method,
                        url=note.url,
                        timeout=note.timeout,
                        position=note.position,
                    ),
                    told_by_callee=note.told_by_callee,
                )


class QuestionViews:
    """The views for questions about the faults of the execution under way."""

    def __init__(self, conductor: Conductor) -> None:
        self._server = conductor.embedded

    def views(self) -> Views:
        """The rules and their views."""
        return [
            ("/filibuster/fault-injected", "GET", self._any_fault),
            ("/filibuster/fault-injected/<service>", "GET", self._on_service),
            ("/filibuster/fault-injected/service/<service>", "GET", self._on_service),
            ("/filibuster/fault-injected/method/<service>/<path:method>", "GET", self._on_method),
        ]

    def _any_fault(self) -> Response:
        return answered({"result": self._server.fault_injected(request_id())})

    def _on_service(self, service: str) -> Response:
        return answered({"result": self._server.fault_injected(request_id(), service)})

    def _on_method(self, service: str, method: str) -> Response:
        asked = self._server.fault_injected(request_id(), service)
        execution = self._server.under_way(request_id())
        methods = set() if execution is None else execution.faulted_methods(service)
        return answered({"result": asked and method.rpartition(".")[2].upper() in methods})
