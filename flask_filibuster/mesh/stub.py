"""A service of canned answers, in place of one that is not on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from flask_filibuster.errors import SetupError


class Stub:
    """A WSGI app that answers with the JSON given for a path; see :func:`stub`.

    :param answers: the answers.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers: dict[tuple[str | None, str], tuple[int, Any]] = {}
        for key, value in answers.items():
            self._answers[_key_of(key)] = _answer_of(key, value)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request, as a WSGI app."""
        request = Request(environ)
        path = request.path
        found = self._answers.get((request.method, path)) or self._answers.get((None, path))
        if found is None:
            known = ", ".join(f"{method or 'any method'} {each}" for method, each in self._answers)
            found = 404, {"error": f"the stub has no {request.method} {path}; it has: {known}"}
        status, content = found
        return Response(json.dumps(content), status, mimetype="application/json")(
            environ, start_response
        )

    def __repr__(self) -> str:
        return f"<Stub of {len(self._answers)} paths>"


def stub(answers: Mapping[str, Any]) -> Stub:
    """A service of canned answers, for ``services=``.

    Each key is a path, with a method before it if only that is answered. A value is the JSON of an
    answer of status 200, or a pair of a status and its JSON.

    >>> from werkzeug.test import Client
    >>> prices = stub({"/price/7": {"price": 12}, "POST /orders": (201, {"id": 1})})
    >>> Client(prices).get("/price/7").json
    {'price': 12}
    >>> Client(prices).post("/orders").status
    '201 CREATED'

    :param answers: the answers by path.
    :raises SetupError: a key is no path, or a value is no JSON.
    """
    return Stub(answers)


def stub_of_file(path: str) -> Stub:
    """A stub with the answers of a JSON file.

    :raises SetupError: the file cannot be read, or is no JSON object of paths.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetupError(f"cannot read the stub {path}: {error}") from error
    if not isinstance(content, dict):
        raise SetupError(f"the stub {path} must be a JSON object: {{'/path': answer}}")
    return Stub(content)


def _key_of(key: object) -> tuple[str | None, str]:
    method, _, path = key.rpartition(" ") if isinstance(key, str) else ("", "", "")
    if not path.startswith("/"):
        raise SetupError(f"{key!r} in a stub is no path; write '/path', or 'POST /path'")
    return method.strip().upper() or None, path


def _answer_of(key: str, value: Any) -> tuple[int, Any]:
    status, content = value if isinstance(value, tuple) and len(value) == 2 else (200, value)
    try:
        json.dumps(content)
    except (TypeError, ValueError) as error:
        raise SetupError(f"the answer of {key!r} in a stub is no JSON: {error}") from error
    if type(status) is not int or not 100 <= status <= 599:
        raise SetupError(f"the answer of {key!r} in a stub has status {status!r}")
    return status, content
