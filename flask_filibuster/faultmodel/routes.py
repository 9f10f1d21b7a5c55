"""The statuses that each route of a service answers with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import Fault
from flask_filibuster.faultmodel.static_analysis import RouteStatuses


class Routes:
    """The routes of the apps that have one service name.

    :param apps: the Flask apps by base URL.
    """

    def __init__(self, apps: Mapping[str, Any]) -> None:
        parts = [(urlsplit(url).path.rstrip("/"), app) for url, app in apps.items()]
        self._apps = sorted(parts, key=lambda each: len(each[0]), reverse=True)
        self._analyses = {id(app): RouteStatuses(app) for _, app in parts}
        self._known: dict[tuple[int, str, str], frozenset[int]] = {}

    def of(self, call: Call, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """Those of a service's faults that the route reached by a call can answer with.

        All of them, if the call's route is unknown: middleware may have changed the path.
        """
        statuses = self._statuses(call.method, call.url)
        if statuses is None:
            return tuple(faults)
        return tuple(each for each in faults if each.status is None or each.status in statuses)

    def _statuses(self, method: str, url: str) -> frozenset[int] | None:
        path = unquote(urlsplit(url).path)
        for prefix, app in self._apps:
            if path == prefix or path.startswith(f"{prefix}/"):
                endpoint = _endpoint(app, method, path[len(prefix) :] or "/")
                if endpoint is None:
                    return None
                key = id(app), endpoint, method
                if key not in self._known:
                    self._known[key] = self._analyses[id(app)].of(endpoint, method) | {500}
                return self._known[key]
        return None


def _endpoint(app: Any, method: str, path: str) -> str | None:
    """The endpoint that handles a request; ``None`` if none does, or another URL."""
    try:
        found: tuple[Any, Any] = app.url_map.bind("localhost").match(path, method=method)
    except (HTTPException, RequestRedirect, LookupError, ValueError):
        return None
    return str(found[0])
