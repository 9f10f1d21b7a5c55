"""How a marked test is explored: in this process, or with a server elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flask_filibuster.config import Config
from flask_filibuster.core.fault_model import FaultModel
from flask_filibuster.core.records import write_planned
from flask_filibuster.errors import FilibusterError, SetupError
from flask_filibuster.exploration.counterexample import Counterexample
from flask_filibuster.exploration.explorer import Explorer
from flask_filibuster.server.driver import RemoteDriver
from flask_filibuster.server.remote import RemoteServer
from flask_filibuster.server.signing import seal_of
from flask_filibuster.testing.explore import Options
from flask_filibuster.testing.pytest_plugin import MARKER
from flask_filibuster.testing.remote import RemoteSearch, RemoteSession
from flask_filibuster.testing.session import Session

ARGUMENTS = ("reduction", "max_faults", "max_executions", "faults")
AnySession = Session | RemoteSession
AnySearch = Explorer | RemoteSearch


def problem_of_mark(item: pytest.Item) -> str | None:
    """What is wrong with the arguments of a test's mark, in words, if anything is."""
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        return None
    unknown = [*map(repr, marker.args), *(name for name in marker.kwargs if name not in ARGUMENTS)]
    if unknown:
        return (
            f"the filibuster mark does not take {', '.join(unknown)}; "
            f"it takes, by keyword: {', '.join(ARGUMENTS)}"
        )
    try:
        Options(**marker.kwargs)
    except FilibusterError as error:
        return f"the filibuster mark: {error}"
    return None


def begin(
    item: Any,
    config: Config,
    services: Mapping[str, Any],
    searching: bool,
    counterexample: Counterexample | None,
) -> tuple[AnySession, AnySearch | None]:
    """Make the session and the search of a marked test.

    :param item: the test.
    :param config: the settings of its services.
    :param services: apps by base URL, in this process.
    :param searching: whether it is to be explored, and not just run.
    :param counterexample: what it is to be run with, where it is replayed.
    :returns: the session, and the search if there is one.
    :raises FilibusterError: an option does not fit, or a server does not answer as it should.
    """
    around = Config.read({}, token=config.token)
    url = item.config.getoption("filibuster_server") or config.server_url or around.server_url
    if url is None or not (searching or counterexample):
        session = Session(timeout=config.timeout)
        return session, options_of(item).explorer(services, config) if searching else None
    driver = RemoteDriver(RemoteServer(url, token=around.token))
    search = RemoteSearch(driver, _remote_options(item, config, services, counterexample))
    return RemoteSession(driver, timeout=config.timeout, seal=seal_of(around.token)), search


def _remote_options(
    item: Any, config: Config, services: Mapping[str, Any], counterexample: Counterexample | None
) -> dict[str, Any]:
    """The options of the exploration, for a server elsewhere."""
    if counterexample is not None:
        faults = [write_planned(planned) for planned in counterexample.fault_set]
        return {"name": item.nodeid, "faults": faults}
    options = options_of(item)
    model = options.faults
    if model is None and config.analysis_file is not None:
        model = FaultModel.from_analysis_file(config.analysis_file)
    elif model is None and services:
        model = FaultModel.from_services(services)
    given = {
        "name": item.nodeid,
        "analysis": None if model is None else model.to_analysis(),
        "reduction": options.reduction,
        "max_faults": options.max_faults,
        "max_executions": options.max_executions,
    }
    return {name: value for name, value in given.items() if value is not None}


def options_of(item: Any) -> Options:
    """The options of a marked test: those of the command line win over those of its mark."""
    marker = item.get_closest_marker(MARKER)
    problem = problem_of_mark(item)  # Here for marks added after collection.
    if problem is not None:
        raise SetupError(problem)
    arguments = dict(marker.kwargs) if marker is not None else {}
    for name in ("reduction", "max_faults", "max_executions"):
        option = item.config.getoption(f"filibuster_{name}")
        if option is not None:
            arguments[name] = option
    return Options(**arguments)
