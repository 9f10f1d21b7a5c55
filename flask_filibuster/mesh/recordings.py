"""Answers of hosts on other machines: asked once, kept, and given again."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import threading
from collections.abc import Iterable, Mapping
from contextvars import Context
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests
from werkzeug.wrappers import Request, Response

from flask_filibuster.errors import SetupError
from flask_filibuster.instrumentation.witness.seeing import explained
from flask_filibuster.results.directory import DIRECTORY, make_directory

RECORDINGS = f"{DIRECTORY}/recordings"
MASK = "***"
_SECRET = re.compile(
    r"token|secret|passw|api[-_]?key|credential|signature|authorization|cookie|session|(^|_)auth",
    re.IGNORECASE,
)
# They belong to one connection, or to the encoding of the body, which is kept decoded.
_DROPPED = frozenset(
    {
        *("connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"),
        *("proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade", "host"),
    }
)
_SECONDS = 30


class Recordings:
    """A WSGI app that stands for all hosts on other machines.

    It sends a request on the first time, and keeps the answer without credentials. From then on, it
    gives that answer, in this exploration and in later ones. Delete the file to ask again.

    :param directory: where answers are kept.
    """

    def __init__(self, directory: str | os.PathLike[str] = RECORDINGS) -> None:
        self._directory = Path(directory)
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request, as a WSGI app."""
        request = Request(environ)
        url = f"{request.scheme}://{request.host}{environ['RAW_URI']}"
        body = request.get_data()
        with self._lock:
            file = self._file(request.method, url, body)
            if not file.exists():
                self._record(file, request, url, body)
        return _response(file)(environ, start_response)

    def _file(self, method: str, url: str, body: bytes) -> Path:
        """The file of a request, whose name tells people which request it is."""
        parts = urlsplit(url)
        digest = hashlib.sha256(f"{method} {url}\n".encode() + body).hexdigest()[:12]
        path = re.sub(r"[^A-Za-z0-9]+", "-", parts.path).strip("-")[:60] or "root"
        host = re.sub(r"[^A-Za-z0-9.-]+", "_", parts.netloc.rpartition("@")[2])
        return self._directory / host / f"{method}-{path}-{digest}.json"

    def _record(self, file: Path, request: Request, url: str, body: bytes) -> None:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _DROPPED and not name.lower().startswith("x-filibuster-")
        }
        try:
            # In an empty context: this request is none of the exploration.
            answer: requests.Response = Context().run(
                _ask,
                request.method,
                url,
                data=body or None,
                headers=headers,
                allow_redirects=False,
                timeout=_SECONDS,
            )
        except requests.RequestException as error:
            raise SetupError(f"cannot record {request.method} {url}: {error}") from error
        content = {
            "method": request.method,
            "url": without_credentials(url),
            "status": answer.status_code,
            "headers": [
                [name, MASK if _SECRET.search(name) else value]
                for name, value in answer.headers.items()
                if name.lower() not in _DROPPED
            ],
            **_kept(answer.content),
        }
        make_directory(Path(DIRECTORY))
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")
        draft.replace(file)

    def __repr__(self) -> str:
        return f"<Recordings in {self._directory}>"


def _ask(*args: Any, **options: Any) -> requests.Response:
    """Send a request that is no call of the application."""
    explained.set(_ask)
    return requests.request(*args, **options)  # noqa: S113 - the caller sets the timeout


def without_credentials(url: str) -> str:
    """A URL without user and password, and with the credentials of its query masked.

    >>> without_credentials("https://me:pw@api.test/x?q=1&api_key=7")
    'https://api.test/x?q=1&api_key=%2A%2A%2A'
    """
    parts = urlsplit(url)
    query = [
        (name, MASK if _SECRET.search(name) else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit(
        parts._replace(netloc=parts.netloc.rpartition("@")[2], query=urlencode(query))
    )


def _kept(body: bytes) -> dict[str, Any]:
    """A body as a part of the file: JSON, text or base64."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
    try:
        return {"json": _masked(json.loads(text))}
    except ValueError:
        return {"text": text}


def _masked(value: Any) -> Any:
    """JSON with the values of fields that are named like credentials masked."""
    if isinstance(value, dict):
        return {
            key: MASK if isinstance(each, str) and _SECRET.search(key) else _masked(each)
            for key, each in value.items()
        }
    return [_masked(each) for each in value] if isinstance(value, list) else value


def _response(file: Path) -> Response:
    """The answer that a file keeps.

    :raises SetupError: the file is damaged.
    """
    try:
        content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        body = _body(content)
        response = Response(body, int(content["status"]))
        response.headers.clear()
        response.headers.extend([(str(name), str(value)) for name, value in content["headers"]])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(f"the recording {file} is damaged ({error!r}); delete it") from error
    response.headers["Content-Length"] = str(len(body))
    return response


def _body(content: Mapping[str, Any]) -> bytes:
    if "base64" in content:
        return base64.b64decode(content["base64"])
    return (json.dumps(content["json"]) if "json" in content else str(content["text"])).encode()
