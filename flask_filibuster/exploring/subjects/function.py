"""Running one execution of a functional test, in this process or in another one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.utils import ImportStringError, import_string

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import SetupError
from flask_filibuster.exploring.session import Session, Surroundings
from flask_filibuster.results.execution import Observation

Services = Mapping[str, Any] | Callable[[], Mapping[str, Any]] | str | None
"""Apps by base URL; or a function that returns them, or ``"module:name"`` of either."""


def services_of(source: Services) -> dict[str, Any]:
    """The services that are meant.

    :raises SetupError: there are none of that name, or they are no mapping.
    """
    services: Any = source
    if isinstance(services, str):
        if ":" not in services:
            raise SetupError(f"services is {source!r}; write it as 'module:name'")
        try:
            services = import_string(services)
        except ImportStringError as error:
            raise SetupError(f"services {source!r} cannot be found: {error.exception}") from error
    if callable(services) and not isinstance(services, Mapping):
        services = services()
    if services is not None and not isinstance(services, Mapping):
        raise SetupError(
            f"services is {source!r}; it must be a mapping of apps by base URL, a function that "
            "returns one, or 'module:name' of either"
        )
    return dict(services or {})


def run_once(
    test: Callable[[], object], session: Session, faults: FaultSet, around: Surroundings
) -> Observation:
    """Run the test under one fault set."""
    error: BaseException | None = None
    with session.execution(faults, around) as execution:
        try:
            outcome = test()
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as raised:  # noqa: BLE001 - pytest's outcomes are no Exceptions
            # Nor is SystemExit, with which an app must not end the exploration of it.
            error = raised
        else:
            if inspect.isawaitable(outcome) or inspect.isasyncgen(outcome):
                close = getattr(outcome, "close", None)
                if close is not None:
                    close()
                raise SetupError(
                    f"{test!r} is asynchronous, so that calling it runs nothing; "
                    "wrap it: explore(lambda: asyncio.run(test()), …)"
                )
    return session.observe(execution, error)
