"""Calls through a mesh, from outside of any request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests

from flask_filibuster.exploring.session import Session, surroundings
from tests.support.callers import Services


def within(services: Services, call: Callable[[], Any]) -> Any:
    """What a call gives that is made on the network of these services, by nobody in particular."""
    with surroundings(services) as around, Session(timeout=1).network(around):
        return call()


def fetch(app: Any, path: str = "/view", method: str = "GET", **options: Any) -> requests.Response:
    """A response of an app that stands in the mesh."""
    with requests.Session() as session:
        response: requests.Response = within(
            {"http://svc:8000": app},
            lambda: session.request(method, f"http://svc:8000{path}", timeout=2, **options),
        )
    return response
