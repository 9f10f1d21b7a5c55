"""One service of a shape as an app of its own, to be served by a process of its own."""

from __future__ import annotations

from flask import Flask

from flask_filibuster import Filibuster
from tests.support import shapes


def named(shape: str) -> dict[str, Flask]:
    """The services of a shape, each with the extension and its own name."""
    services: dict[str, Flask] = getattr(shapes, shape)()
    for app in services.values():
        Filibuster(app, service_name=app.name)
    return services


def create_app(shape: str, name: str) -> Flask:
    """The service of that name."""
    services: dict[str, Flask] = getattr(shapes, shape)()
    (app,) = (each for each in services.values() if each.name == name)
    Filibuster(app, service_name=name)
    return app
