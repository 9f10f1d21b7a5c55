"""The Flask extension: set up once for each app."""

from __future__ import annotations

import threading
from dataclasses import replace

from flask import Flask

from flask_filibuster.config import Config
from flask_filibuster.errors import SetupError
from flask_filibuster.instrumentation.app.hooks import InstrumentedApp

_setup = threading.Lock()


class Filibuster:
    """Lets explorations inject faults into the calls of a Flask app.

    ``Filibuster(app)``, or ``filibuster = Filibuster()`` and later ``filibuster.init_app(app)``,
    for any number of apps. Outside an exploration it changes nothing.

    >>> app = Flask("shop")
    >>> filibuster = Filibuster(app)
    >>> app.extensions["filibuster"].service_name
    'shop'

    :param app: the app, or ``None`` to call :meth:`init_app` later.
    :param server_url: URL of a Filibuster server, overrides ``FILIBUSTER_SERVER_URL``; ``None``
        for the server embedded in the process.
    :param service_name: name of the service, overrides ``FILIBUSTER_SERVICE_NAME``.
    :raises ConfigError: a ``FILIBUSTER_*`` key or an argument has an invalid value.
    :raises SetupError: the app has the extension already.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        server_url: str | None = None,
        service_name: str | None = None,
    ) -> None:
        if app is not None:
            self.init_app(app, server_url=server_url, service_name=service_name)

    def init_app(
        self, app: Flask, *, server_url: str | None = None, service_name: str | None = None
    ) -> None:
        """Set up one app. Arguments and errors are those of the class."""
        config = Config.read(app.config, server_url=server_url, service_name=service_name)
        with _setup:
            install(app, config)


def install(app: Flask, config: Config, *, temporary: bool = False) -> InstrumentedApp:
    """Install the extension in an app.

    :raises SetupError: the app has the extension already.
    """
    if "filibuster" in app.extensions:
        raise SetupError(
            f"Filibuster is already set up on the Flask app {app.name!r}; "
            "create it once for each app, where the app is created"
        )
    state = InstrumentedApp(app, config, temporary=temporary)
    app.extensions["filibuster"] = state
    if config.enabled:
        state.connect()
    return state


def borrow(app: Flask) -> InstrumentedApp:
    """The app's extension, installed temporarily if the app has none.

    :returns: the extension, to pass to :func:`give_back`.
    """
    with _setup:
        state: InstrumentedApp | None = app.extensions.get("filibuster")
        if state is None:
            config = Config.read(app.config)
            if config.server_url is not None:
                config = replace(config, server_url=None)
            state = install(app, config, temporary=True)
        state.holders += 1
        return state


def give_back(state: InstrumentedApp) -> None:
    """End a :func:`borrow`; the last one restores the state before the first."""
    with _setup:
        state.holders -= 1
        if state.holders:
            return
        if state.temporary:
            state.disconnect()
            del state.app.extensions["filibuster"]
