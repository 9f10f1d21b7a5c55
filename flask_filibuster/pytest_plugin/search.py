"""Makes the search of a marked test, in this process or with a remote server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flask_filibuster.config import Config
from flask_filibuster.errors import FilibusterError, SetupError
from flask_filibuster.exploring.driven.remote import RemoteSearch, RemoteSession
from flask_filibuster.exploring.options import SENT, Settings
from flask_filibuster.exploring.session import Session
from flask_filibuster.journal.recorder import Recorder
from flask_filibuster.nearest import suggestion
from flask_filibuster.options.table import rows
from flask_filibuster.protocol.records import write_planned
from flask_filibuster.pytest_plugin.options import layers
from flask_filibuster.pytest_plugin.sharing import work_of
from flask_filibuster.pytest_plugin.state import MARKER
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.search.explorer import Explorer
from flask_filibuster.server.client.driver import RemoteDriver
from flask_filibuster.server.client.remote import RemoteServer
from flask_filibuster.server.signing import seal_of

ARGUMENTS = tuple(each.name for each in rows("mark"))
AnySession = Session | RemoteSession
AnySearch = Explorer | RemoteSearch


def problem_of_mark(item: pytest.Item) -> str | None:
    """The error in the arguments of a test's mark, in words, or ``None``."""
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        return None
    unknown = [name for name in marker.kwargs if name not in ARGUMENTS]
    if marker.args or unknown:
        near = "".join(f"{suggestion(name, ARGUMENTS)}; " for name in unknown[:1])
        refused = ", ".join([*map(repr, marker.args), *unknown])
        return (
            f"the filibuster mark does not accept {refused}; "
            f"{near}its keywords: {', '.join(ARGUMENTS)}"
        )
    try:
        Settings(**marker.kwargs)
    except FilibusterError as error:
        return f"the filibuster mark: {error}"
    return None


def begin(
    item: Any,
    config: Config,
    services: Mapping[str, Any],
    searching: bool,
    counterexample: Counterexample | None,
    recorder: Recorder | None,
) -> tuple[AnySession, AnySearch | None]:
    """Make the session and the search of a marked test.

    :param item: the test.
    :param config: the settings of its services.
    :param services: apps by base URL, in this process.
    :param searching: whether to explore the test.
    :param counterexample: the counterexample to replay, if any.
    :param recorder: records its executions if the search is in this process.
    :returns: the session, and the search if there is one.
    :raises FilibusterError: an option does not fit, or a server's answer is invalid.
    """
    around = Config.read({}, token=config.token)
    url = server_of(item, config)
    options = options_of(item)
    timeout = options.settle or config.timeout
    if url is None or not (searching or counterexample):
        session = Session(timeout=timeout, is_virtual=options.virtual_time is not False)
        if not searching:
            return session, None
        made = work_of(item.config).model_of
        explorer = options.explorer(services, config, recorder, made=made)
        session.describe_answers(wanted=explorer.needs_shapes)
        return session, explorer
    if options.resume or options.changed:
        raise SetupError(
            "--filibuster-resume and --filibuster-changed don't work with the server at "
            f"{url}, as pytest records no execution then"
        )
    driver = RemoteDriver(RemoteServer(url, token=around.token))
    given = _remote_options(item, config, services, counterexample)
    search = RemoteSearch(driver, given, options_of(item).over(config).judges)
    return RemoteSession(driver, timeout=timeout, seal=seal_of(around.token)), search


def server_of(item: Any, config: Config) -> str | None:
    """URL of the remote server that explores a test, if there is one."""
    url: str | None = item.config.getoption("filibuster_server") or config.server_url
    return url or Config.read({}, token=config.token).server_url


def _remote_options(
    item: Any, config: Config, services: Mapping[str, Any], counterexample: Counterexample | None
) -> dict[str, Any]:
    """The options of the exploration, for a remote server."""
    if counterexample is not None:
        faults = [write_planned(planned) for planned in counterexample.fault_set]
        return {"name": item.nodeid, "faults": faults}
    options = options_of(item)
    model = options.over(config).model(services)
    given = {
        "name": item.nodeid,
        "analysis": None if model is None else model.to_analysis(),
        "outages": None if model is None else model.outages,
        **{name: value for name in SENT if (value := getattr(options, name)) is not None},
    }
    return {name: value for name, value in given.items() if value is not None}


def options_of(item: Any) -> Settings:
    """The options of a marked test, from all layers."""
    marker = item.get_closest_marker(MARKER)
    problem = problem_of_mark(item)  # Here for marks added after collection.
    if problem is not None:
        raise SetupError(problem)
    return Settings(**layers(item.config, {} if marker is None else marker.kwargs))
