"""The embedded server as a WSGI app: the Filibuster protocol over HTTP.

Source: the wire protocol of the Filibuster prototypes (Python and Java). Extensions for clients of
this project: notes, concurrent explorations, and the key ``flask-filibuster`` in some answers.
"""

from __future__ import annotations

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from flask_filibuster.errors import FilibusterError
from flask_filibuster.protocol.headers import SIGNATURE
from flask_filibuster.server.conductor import Conductor, OutOfTurnError, UnknownExplorationError
from flask_filibuster.server.http.asked import Views, answered
from flask_filibuster.server.http.driver_views import DriverViews
from flask_filibuster.server.http.overview import overview_text
from flask_filibuster.server.http.service_views import QuestionViews, ServiceViews
from flask_filibuster.server.signing import Seal

logger = logging.getLogger(__name__)

NAME = "flask-filibuster"
LARGEST_BODY = 4 * 1024 * 1024
_STATUSES = ((UnknownExplorationError, 404), (OutOfTurnError, 409))


def create_app(conductor: Conductor, *, version: str, seal: Seal | None = None) -> Flask:
    """The app that speaks the protocol.

    :param conductor: conducts the explorations.
    :param version: version of this package, for answers.
    :param seal: required signature of all requests except health checks; ``None``: not required.
    """
    app = Flask(__name__, static_folder=None)
    app.config["FILIBUSTER_ENABLED"] = False  # It is no service that takes part.
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.register_error_handler(FilibusterError, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    if seal is not None:
        app.before_request(lambda: _check_signature(seal))
    for part in (
        ServiceViews(conductor),
        QuestionViews(conductor),
        DriverViews(conductor),
        _People(conductor, version),
    ):
        for rule, method, view in part.views():
            app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])
    return app


def _refuse(error: FilibusterError) -> Response:
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 400)
    logger.info("refused %r %r: %r", request.method, request.path, str(error))
    return answered({"error": str(error)}, status)


def _refuse_http(error: HTTPException) -> Response:
    return answered({"error": error.description}, error.code or 500)


def _check_signature(seal: Seal) -> Response | None:
    if request.path in ("/health-check", "/ready"):
        return None
    signature = request.headers.get(SIGNATURE, "")
    target = request.environ.get("REQUEST_URI", request.full_path)
    if seal.fits(signature, request.method, target, request.get_data()):
        return None
    return answered(
        {
            "error": "this server requires signed calls; set FILIBUSTER_TOKEN to the same "
            "secret on both sides"
        },
        403,
    )


class _People:
    """The views for people: identity and progress."""

    def __init__(self, conductor: Conductor, version: str) -> None:
        self._conductor = conductor
        self._version = version

    def views(self) -> Views:
        return [
            ("/health-check", "GET", self.health),
            ("/ready", "GET", self.ready),
            ("/filibuster/status", "GET", self.status),
            ("/", "GET", self.overview),
        ]

    def health(self) -> Response:
        return answered({"status": "OK", "server": NAME, "version": self._version, "notes": True})

    def ready(self) -> Response:
        terminated = bool(self._conductor.describe()["terminated"])
        return answered({"ready": not terminated}, 503 if terminated else 200)

    def status(self) -> Response:
        return answered({"server": NAME, "version": self._version, **self._conductor.describe()})

    def overview(self) -> Response:
        text = overview_text(self._version, self._conductor.describe())
        return Response(text.encode("utf-8", "backslashreplace"), mimetype="text/plain")
