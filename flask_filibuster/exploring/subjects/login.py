"""A request that follows a login of the user's own."""

from __future__ import annotations

import inspect
import logging
from typing import Any

from werkzeug.utils import ImportStringError, import_string

from flask_filibuster.errors import LoginError
from flask_filibuster.exploring.session import in_scope
from flask_filibuster.instrumentation.frames import Scope, current_scope

logger = logging.getLogger(__name__)


def requested_after_login(
    session: str, method: str, path: str, base_url: str, **options: Any
) -> tuple[int, str]:
    """Make a request with a test client that a function has prepared.

    :param session: the function, as ``module:function``; it gets the client, and the app if it
        takes two arguments. Its own requests are neither explored nor recorded.
    :param base_url: where the app is; the test client uses its own host, to which cookies belong.
    :param options: headers and body of the request.
    :returns: status of the answer, and where it redirects to.
    :raises LoginError: the function cannot be found, or raises.
    """
    scope = current_scope()
    network = None if scope is None else scope.network
    service: Any = None if network is None else network.service_at(base_url)
    app = getattr(service, "app", None)
    if app is None:
        raise LoginError(f"--session needs a Flask app at {base_url}")
    client = app.test_client()
    try:
        prepare = import_string(session)
    except ImportStringError as error:
        raise LoginError(f"--session {session}: {error.exception}") from error
    arguments = (client, app)[: 2 if _takes_two(prepare) else 1]
    with in_scope(Scope(None, network)):
        try:
            prepare(*arguments)
        except Exception as error:
            raise LoginError(f"--session {session} raised {error!r}") from error
    try:
        response = client.open(path, method=method, **options)
    except Exception:  # Tests let exceptions through; its users would get a 500.
        logger.exception("unhandled exception in %s %s", method, path)
        return 500, ""
    is_redirect = 300 <= response.status_code < 400
    return response.status_code, response.headers.get("Location", "") if is_redirect else ""


def _takes_two(function: Any) -> bool:
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        return False
    return True
