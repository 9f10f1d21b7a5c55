"""The options of the pytest plugin: those of the table, and how to run marked tests."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

from flask_filibuster.core.vocabulary import EXECUTION
from flask_filibuster.errors import FilibusterError, SetupError, UnknownKeyError
from flask_filibuster.nearest import suggestion
from flask_filibuster.options.documentation import OFF, ON, default_words, mark_words
from flask_filibuster.options.kinds import URL, Kind
from flask_filibuster.options.layers import check_together, merged
from flask_filibuster.options.option import Option
from flask_filibuster.options.project import TABLE, Project, import_from, read_project
from flask_filibuster.options.table import rows
from flask_filibuster.options.typed import adds, reader, switches_off
from flask_filibuster.pytest_plugin.state import MARKER

INI: pytest.StashKey[Mapping[str, Any]] = pytest.StashKey()
PROJECT: pytest.StashKey[Project] = pytest.StashKey()
NO_JOURNAL = "no_filibuster_journal"

# argparse shows the text of its own kind of error only.
_refused = argparse.ArgumentTypeError


def add_options(parser: pytest.Parser) -> None:
    """Register command-line options and ini keys."""
    group = parser.getgroup("filibuster", "fault injection for tests marked with filibuster")
    for each in rows("pytest"):
        _add_option(group, each)
    group.addoption(
        f"--{NO_JOURNAL.replace('_', '-')}", action="store_true", help="Record nothing."
    )
    group.addoption(
        "--filibuster-server",
        type=reader(URL, _refused),
        metavar="URL",
        help="Explore marked tests with the server at URL (see `flask filibuster serve`); the "
        "services must use the same server.  [default: FILIBUSTER_SERVER_URL]",
    )
    group.addoption(
        "--no-filibuster", action="store_true", help="Run marked tests once, without faults."
    )
    group.addoption(
        "--filibuster-replay",
        metavar="FILE",
        help="Run the test of this counterexample once, with its faults.",
    )
    for each in rows("pytest", "project"):
        kind: Literal["linelist", "string"] = "linelist" if each.kind.many else "string"
        parser.addini(each.ini_key, f"{each.help}{default_words(each)}", kind, default=None)


def _add_option(group: Any, option: Option) -> None:
    name, words = f"--filibuster-{option.words}", f"{option.help}{default_words(option)}"
    if option.kind.many:
        off = f"--no-filibuster-{option.words}"
        kept = {"action": "append", "default": None, "dest": option.ini_key}
        group.addoption(name, type=adds(_refused), metavar="MODULE:NAME", help=ON, **kept)
        group.addoption(off, type=switches_off(_refused), metavar="NAME", help=OFF, **kept)
    elif not option.kind.flag:
        # Without choices: the message of the check lists the values already.
        group.addoption(
            name, type=reader(option.kind, _refused), metavar=_metavar(option.kind), help=words
        )
    elif "project" in option.places:
        action = argparse.BooleanOptionalAction
        group.addoption(name, action=action, default=None, help=words)
    else:
        group.addoption(name, action="store_true", default=None, help=words)


def _metavar(kind: Kind) -> str | None:
    return f"{{{','.join(kind.choices)}}}" if kind.choices else kind.metavar


def add_marker(config: pytest.Config) -> None:
    """Register the mark, with its arguments."""
    config.addinivalue_line("markers", f"{MARKER}{mark_words()}")


def check_options(config: pytest.Config) -> None:
    """Refuse values that do not fit, and options that contradict each other.

    :raises pytest.UsageError: there is one.
    """
    try:
        config.stash[INI] = _ini(config)
        for layer in (command_line(config), config.stash[INI]):
            check_together(layer, lambda name: f"--filibuster-{name.replace('_', '-')}")
        config.stash[PROJECT] = read_project(config.rootpath)
        check_together(config.stash[PROJECT].values)
    except FilibusterError as error:
        raise pytest.UsageError(str(error)) from error


def command_line(config: pytest.Config) -> dict[str, Any]:
    """The options of the command line; ``None`` where not given."""
    given = {each.name: config.getoption(each.ini_key) for each in rows("pytest")}
    if config.getoption(NO_JOURNAL):
        if given["journal"] is not None:
            raise pytest.UsageError("--no-filibuster-journal contradicts --filibuster-journal")
        given["journal"] = False
    elif given["journal"]:
        # Relative to the directory where the command was typed.
        given["journal"] = str(Path(config.invocation_params.dir, given["journal"]))
    return given


def _ini(config: pytest.Config) -> dict[str, Any]:
    """The options of pytest's configuration file.

    :raises ConfigError: a key is unknown, or its value does not fit.
    """
    known = {each.ini_key: each for each in rows("pytest", "project")}
    file = config.inipath
    # The public name is deprecated since pytest 9.1, where nothing replaces it.
    private = "_inicfg" in vars(config)
    for key in vars(config)["_inicfg"] if private else config.inicfg:
        if key.startswith(f"{MARKER}_") and key not in known:
            raise UnknownKeyError(key, str(file), suggestion(key, known))
    return dict(_ini_values(config, known.values(), file))


def _ini_values(
    config: pytest.Config, options: Any, file: Path | None
) -> Iterator[tuple[str, Any]]:
    for each in options:
        given = config.getini(each.ini_key)
        if given in (None, "", []):  # Which of them means "not given" depends on the version.
            continue
        text = "\n".join(given) if isinstance(given, list) else str(given)
        value = each.kind.from_text(f"{each.ini_key} in {file}", text)
        yield each.name, each.kind.beside(value, file.parent) if file else value


def layers(config: pytest.Config, mark: dict[str, Any]) -> dict[str, Any]:
    """The options of a test, by precedence; see :mod:`flask_filibuster.options.layers`.

    :param mark: the arguments of its mark.
    """
    return merged(command_line(config), mark, config.stash[INI], config.stash[PROJECT].values)


def explores_all(config: pytest.Config) -> bool:
    """Whether to explore tests without a mark, too.

    :raises pytest.UsageError: it is asked for together with a server that runs elsewhere.
    """
    asked = config.getoption
    if asked("no_filibuster") or EXECUTION in os.environ or not layers(config, {}).get("all"):
        return False
    if asked("filibuster_server"):
        raise pytest.UsageError(
            "--filibuster-all explores tests in this process; --filibuster-server is for tests "
            "with the filibuster mark"
        )
    return True


def named_services(config: pytest.Config) -> dict[str, Any]:
    """The services that the options name, by base URL.

    :raises SetupError: the name cannot be imported.
    """
    name = layers(config, {}).get("services")
    if name is None:
        return {}
    from flask_filibuster.exploring.subjects.function import services_of

    file = config.stash[PROJECT].file
    import_from(config.rootpath if file is None else file.parent)
    try:
        return services_of(name)
    except SetupError as error:
        raise SetupError(f"{_spelt_services(config)}: {error}") from error


def _spelt_services(config: pytest.Config) -> str:
    """How the user gave the option ``services``."""
    if command_line(config).get("services") is not None:
        return "--filibuster-services"
    if "services" in config.stash[INI]:
        return f"filibuster_services in {config.inipath}"
    return f"services in {TABLE} of {config.stash[PROJECT].file}"
