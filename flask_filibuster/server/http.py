"""The embedded server as a WSGI app: the Filibuster protocol over HTTP.

Source: the wire protocol of the Filibuster prototypes (Python and Java). What goes beyond it, for
clients of this project, are the notes, explorations side by side, and the key ``flask-filibuster``
in some answers.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from flask_filibuster.core.decisions import write_decision
from flask_filibuster.core.messages import (
    InjectionFailed,
    ReportsLost,
    RequestAnswered,
    RequestEnded,
    RequestReceived,
)
from flask_filibuster.core.notes import Note, read_note
from flask_filibuster.core.payloads import OURS, read_create, read_update
from flask_filibuster.core.reading import integer, mapping, text_of, url_of, words_of
from flask_filibuster.core.records import write_planned
from flask_filibuster.core.services import host_of
from flask_filibuster.core.trace import Invocation
from flask_filibuster.core.wire import SIGNATURE
from flask_filibuster.errors import FilibusterError, WireError
from flask_filibuster.server.conductor import (
    Conductor,
    OutOfTurnError,
    UnknownExplorationError,
    Verdict,
)
from flask_filibuster.server.overview import overview_text
from flask_filibuster.server.signing import Seal

logger = logging.getLogger(__name__)

NAME = "flask-filibuster"
LARGEST_BODY = 4 * 1024 * 1024
_STATUSES = ((UnknownExplorationError, 404), (OutOfTurnError, 409))


def create_app(conductor: Conductor, *, version: str, seal: Seal | None = None) -> Flask:
    """The app that speaks the protocol.

    :param conductor: decides what is next.
    :param version: of this package, for those who ask.
    :param seal: signatures to ask for, from everybody but for health checks; ``None``: none.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.register_error_handler(FilibusterError, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    if seal is not None:
        app.before_request(lambda: _check_signature(seal))
    for part in (
        _Services(conductor),
        _Questions(conductor),
        _Drivers(conductor),
        _People(conductor, version),
    ):
        for rule, method, view in part.views():
            app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])
    return app


View = Callable[..., Any]


def _json(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content), status, mimetype="application/json")


def _refuse(error: FilibusterError) -> Response:
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 400)
    logger.info("refused %r %r: %r", request.method, request.path, str(error))
    return _json({"error": str(error)}, status)


def _refuse_http(error: HTTPException) -> Response:
    return _json({"error": error.description}, error.code or 500)


def _check_signature(seal: Seal) -> Response | None:
    if request.path in ("/health-check", "/ready"):
        return None
    signature = request.headers.get(SIGNATURE, "")
    target = request.environ.get("REQUEST_URI", request.full_path)
    if seal.fits(signature, request.method, target, request.get_data()):
        return None
    return _json(
        {
            "error": "this server wants calls that are signed; set FILIBUSTER_TOKEN to the same "
            "secret on both sides"
        },
        403,
    )


def _body() -> Any:
    """The JSON of the request."""
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise WireError(f"the body is not JSON: {error}") from error


def _exploration() -> str:
    """Which exploration a driver of this project means."""
    return request.args.get("exploration", "")


def _request_id() -> str:
    return request.args.get("request_id", "")[:200]


class _Services:
    """What services say."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor
        self._server = conductor.embedded

    def views(self) -> list[tuple[str, str, View]]:
        return [
            ("/filibuster/create", "PUT", self.create),
            ("/filibuster/update", "POST", self.update),
            ("/filibuster/new-test-execution/<service>", "GET", self.new_test_execution),
            ("/filibuster/note", "POST", self.note),
        ]

    def create(self) -> Response:
        message = read_create(_body())
        return _json(write_decision(message.index, self._server.create(message)))

    def update(self) -> Response:
        body = _body()
        message = read_update(body)
        if isinstance(message, RequestReceived):
            confirmed = self._server.received(message)
            return _json({OURS: {"confirmed": confirmed}} if OURS in body else {})
        self._server.completed(message)
        return _json({})

    def new_test_execution(self, service: str) -> Response:
        """Whether the test execution is new to the service; for ours, also its place in it."""
        execution = self._server.under_way(_request_id())
        first = execution is not None and execution.enter(service[:200])
        answer: dict[str, Any] = {"new-test-execution": first}
        url, method = request.args.get("url"), request.args.get("method")
        if url is None or method is None:
            return _json(answer)
        place = None
        if execution is not None:
            url = url_of(url[:8000], "url")
            signature = request.args.get("signature", "")[:8000]
            place = execution.admit(
                service[:200], method[:20], url, _request_id(), signature=signature
            )
        answer[OURS] = {"exploring": place is not None}
        if place is not None:
            answer[OURS]["request_id"] = place.request_id
            answer[OURS]["execution_index"] = str(place.index)
        return _json(answer)

    def note(self) -> Response:
        self._take(read_note(_body()))
        return _json({})

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
            exploration = _exploration()
            if exploration and not self._conductor.adopt(note.request_id, exploration):
                raise OutOfTurnError("no test execution is under way in this exploration")
            execution = self._server.under_way(note.request_id)
            if execution is None:
                raise OutOfTurnError("no test execution is under way for this request")
            if isinstance(note, RequestEnded):
                execution.request_ended(note.index, note.outcome)
            else:
                execution.note_request(
                    Invocation(
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


class _Questions:
    """What tests and services ask about the faults of the execution under way."""

    def __init__(self, conductor: Conductor) -> None:
        self._server = conductor.embedded

    def views(self) -> list[tuple[str, str, View]]:
        return [
            ("/filibuster/fault-injected", "GET", self.any_fault),
            ("/filibuster/fault-injected/<service>", "GET", self.on_service),
            ("/filibuster/fault-injected/service/<service>", "GET", self.on_service),
            ("/filibuster/fault-injected/method/<service>/<path:method>", "GET", self.on_method),
        ]

    def any_fault(self) -> Response:
        return _json({"result": self._server.fault_injected(_request_id())})

    def on_service(self, service: str) -> Response:
        return _json({"result": self._server.fault_injected(_request_id(), service)})

    def on_method(self, service: str, method: str) -> Response:
        asked = self._server.fault_injected(_request_id(), service)
        execution = self._server.under_way(_request_id())
        methods = set() if execution is None else execution.faulted_methods(service)
        return _json({"result": asked and method.rpartition(".")[2].upper() in methods})


class _Drivers:
    """What those say who run the functional test."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor

    def views(self) -> list[tuple[str, str, View]]:
        return [
            ("/filibuster/has-next-iteration/<number>", "GET", self.has_next),
            ("/filibuster/has-next-iteration/<number>/<caller>", "GET", self.has_next),
            ("/filibuster/complete-iteration/<number>", "POST", self.complete),
            (
                "/filibuster/complete-iteration/<number>/exception/<raised>",
                "POST",
                self.complete,
            ),
            ("/filibuster/teardowns-completed/<number>", "GET", self.torn_down),
            ("/filibuster/iterations-remaining", "GET", self.remaining),
            ("/filibuster/analysis-file", "POST", self.analysis_file),
            ("/filibuster/terminate", "GET", self.terminate),
            ("/filibuster/explorations", "POST", self.begin),
            ("/filibuster/explorations/<exploration>", "GET", self.outcome),
            ("/filibuster/explorations/<exploration>", "DELETE", self.end),
            ("/filibuster/explorations/<exploration>/requests", "POST", self.adopt),
        ]

    def has_next(self, number: str, caller: str = "") -> Response:  # noqa: ARG002 - a label
        faults = self._conductor.has_next(_iteration(number), _exploration())
        answer: dict[str, Any] = {"has-next-iteration": faults is not None}
        if _exploration() and faults is not None:
            answer[OURS] = {"faults": [write_planned(planned) for planned in faults]}
        return _json(answer)

    def complete(self, number: str, raised: str = "0") -> Response:
        failed = integer(raised, "exception") != 0
        verdict = Verdict(failed=failed)
        # Another project's driver may send a body of any kind; ours names its exploration.
        if _exploration() and request.get_data():
            verdict = _verdict(failed=failed)
        seen = self._conductor.complete(_iteration(number), _exploration(), verdict)
        return _json({OURS: seen} if _exploration() else {})

    def torn_down(self, number: str) -> Response:  # noqa: ARG002 - by the protocol
        return _json({})

    def remaining(self) -> Response:
        return _json({"iterations-remaining": self._conductor.remaining(_exploration())})

    def analysis_file(self) -> Response:
        self._conductor.use_analysis(_body())
        return _json({})

    def terminate(self) -> Response:
        self._conductor.terminate()
        return _json({})

    def begin(self) -> Response:
        return _json({"exploration": self._conductor.begin(mapping(_body(), "the body"))})

    def outcome(self, exploration: str) -> Response:
        return _json(self._conductor.outcome(exploration))

    def end(self, exploration: str) -> Response:
        self._conductor.end(exploration)
        return _json({})

    def adopt(self, exploration: str) -> Response:
        request_id = text_of(mapping(_body(), "the body").get("request_id"), "request_id", most=200)
        if not self._conductor.adopt(request_id, exploration):
            raise OutOfTurnError("no test execution is under way in this exploration")
        return _json({})


def _iteration(number: str) -> int:
    """The number of an execution, in a path."""
    return integer(number, "the number of the iteration")


def _verdict(*, failed: bool) -> Verdict:
    """What a driver of this project says of its execution."""
    content = _body()
    more = content.get(OURS) if isinstance(content, dict) else None
    if more is None:
        return Verdict(failed=failed)
    details = mapping(more, OURS)
    problem = details.get("problem")
    return Verdict(
        failed=failed,
        error=words_of(details.get("error", ""), "error"),
        signature=text_of(details.get("signature", ""), "signature"),
        problem=None if problem is None else words_of(problem, "problem"),
    )


class _People:
    """Who this is, and how far it is."""

    def __init__(self, conductor: Conductor, version: str) -> None:
        self._conductor = conductor
        self._version = version

    def views(self) -> list[tuple[str, str, View]]:
        return [
            ("/health-check", "GET", self.health),
            ("/ready", "GET", self.ready),
            ("/filibuster/status", "GET", self.status),
            ("/", "GET", self.overview),
        ]

    def health(self) -> Response:
        return _json({"status": "OK", "server": NAME, "version": self._version, "notes": True})

    def ready(self) -> Response:
        terminated = bool(self._conductor.describe()["terminated"])
        return _json({"ready": not terminated}, 503 if terminated else 200)

    def status(self) -> Response:
        return _json({"server": NAME, "version": self._version, **self._conductor.describe()})

    def overview(self) -> Response:
        text = overview_text(self._version, self._conductor.describe())
        return Response(text.encode("utf-8", "backslashreplace"), mimetype="text/plain")
