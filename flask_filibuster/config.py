"""Every ``FILIBUSTER_*`` configuration key: its type, default, meaning and check."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from flask_filibuster.core.url_patterns import NAMES, UrlPattern
from flask_filibuster.errors import ConfigError

PREFIX = "FILIBUSTER_"
FROM_ENVIRONMENT = ("FILIBUSTER_SERVER_URL", "FILIBUSTER_TOKEN")
REDUCTIONS = ("equivalence", "exact", "none")
JOURNAL = os.path.join(".filibuster", "journal.sqlite3")


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one app, read once when the extension is set up.

    Each field is the key ``FILIBUSTER_`` plus its name in capitals.

    :ivar enabled: bool, default ``True``. ``False``: the extension registers nothing in the app.
    :ivar server_url: str or ``None``, default ``None``. URL of a Filibuster server; ``None``:
        the server embedded in the process. This and the token are read from environment
        variables, too, where the app's configuration does not have them.
    :ivar token: str or ``None``, default ``None``. A secret shared with the server and all other
        services: requests and calls to the server are signed with it, and those without a valid
        signature are ordinary traffic.
    :ivar service_name: str or ``None``, default ``None``. What this service is called in faults and
        traces; ``None`` is the host under which an exploration reaches it, else the app's name.
    :ivar instrument_requests: bool, default ``True``. ``False``: of this app's calls, only those
        through a ``FilibusterAdapter`` mounted by hand are seen.
    :ivar timeout: number of seconds over 0, default 5.0. How long to wait, at the end of a test
        execution, for threads and calls that the application has under way.
    :ivar max_sleep: number of seconds from 0, default 10.0. The longest that a fault may make this
        service wait.
    :ivar excluded_hosts: list of str, default empty. Calls to these hosts are left alone; a name
        that begins with a dot stands for every host below that domain.
    :ivar url_patterns: list, default empty. What varies in the path and query of URLs from run to
        run and is to make no difference when calls are compared: ``"uuid"``, ``"number"``,
        ``"date"``, regular expressions, and pairs of one of these and what to put in its place.
    :ivar analysis_file: path or ``None``, default ``None``. Fault model to use where none is given.
    :ivar reduction: ``"equivalence"`` (default), ``"exact"`` or ``"none"``.
    :ivar max_faults: positive int or ``None``, default ``None``: no limit. Faults at a time,
        without those that it takes to reach a call.
    :ivar max_executions: positive int or ``None``, default ``None``: no limit. Test executions of
        one exploration.
    :ivar max_seconds: number of seconds over 0 or ``None``, default ``None``: no limit. For how
        long one exploration begins new test executions.
    :ivar check_determinism: bool, default ``True``. Whether the fault-free execution is run twice,
        to see whether it is the same.
    :ivar journal: path or ``None``, default ``.filibuster/journal.sqlite3``. Where pytest and the
        command line keep every execution; ``None``: nowhere.
    """

    enabled: bool = True
    server_url: str | None = None
    token: str | None = field(default=None, repr=False)
    service_name: str | None = None
    instrument_requests: bool = True
    timeout: float = 5.0
    max_sleep: float = 10.0
    excluded_hosts: tuple[str, ...] = ()
    url_patterns: tuple[UrlPattern, ...] = ()
    analysis_file: str | None = None
    reduction: str = "equivalence"
    max_faults: int | None = None
    max_executions: int | None = None
    max_seconds: float | None = None
    check_determinism: bool = True
    journal: str | None = JOURNAL

    @classmethod
    def read(cls, app_config: Mapping[str, Any], **overrides: Any) -> Config:
        """Read and check the keys of an app's configuration.

        :param app_config: ``app.config``.
        :param overrides: values by field name that win over the configuration; ``None`` is absent.
        :raises ConfigError: a key has a value that does not fit, or is not one of ours.
        """
        given = {key: os.environ[key] for key in FROM_ENVIRONMENT if os.environ.get(key)}
        given.update({key: app_config[key] for key in app_config if key.startswith(PREFIX)})
        known = {PREFIX + each.name.upper(): each.name for each in fields(cls)}
        for key in given.keys() - known.keys():
            raise ConfigError(key, given[key], f"one of the known keys: {', '.join(known)}")
        values = {name: check(key, given[key], name) for key, name in known.items() if key in given}
        for name, value in overrides.items():
            if value is not None:
                values[name] = check(name, value, name)
        return cls(**values)


def check(key: str, value: Any, name: str) -> Any:
    """Check one setting and return it in the form of its field.

    :param key: what to call it in an error.
    :param value: what it was set to.
    :param name: the field of :class:`Config`.
    :raises ConfigError: the value does not fit.
    """
    return _CHECKS[name](key, value)


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(key, value, "True or False")
    return value


def _name(key: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]{1,200}", value):
        raise ConfigError(key, value, "a name of 1 to 200 ASCII characters without spaces, or None")
    return value


def _url(key: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not re.match(r"https?://[^/\s]+", value):
        raise ConfigError(key, value, "a URL that begins with http:// or https://, or None")
    return value


def _token(key: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 8 <= len(value) <= 1000:
        # Without the value: it is a secret, if not a good one.
        raise ConfigError(key, "not usable", "a secret of 8 to 1000 characters, or None")
    return value


def _path(key: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) and not hasattr(value, "__fspath__"):
        raise ConfigError(key, value, "the path of a file, or None")
    return str(value)


def _seconds(key: str, value: Any, *, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(key, value, "a number of seconds")
    if value < least:
        raise ConfigError(key, value, f"at least {least} seconds")
    return float(value)


def _hosts(key: str, value: Any) -> tuple[str, ...]:
    if (
        isinstance(value, str)
        or not isinstance(value, Iterable)
        or not all(isinstance(host, str) and host for host in value)
    ):
        raise ConfigError(key, value, "a list of host names")
    return tuple(host.lower() for host in value)


def _url_patterns(key: str, value: Any) -> tuple[UrlPattern, ...]:
    fits = (
        f"a list of {', '.join(map(repr, NAMES))}, regular expressions, and pairs of one of these "
        "and its replacement"
    )
    if not isinstance(value, list | tuple):
        raise ConfigError(key, value, fits)
    try:
        return tuple(map(UrlPattern.read, value))
    except ValueError as error:
        raise ConfigError(key, value, f"{fits}; {error}") from error


def _reduction(key: str, value: Any) -> str:
    if value not in REDUCTIONS:
        raise ConfigError(key, value, " or ".join(map(repr, REDUCTIONS)))
    return str(value)


def _count(key: str, value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is not int or value < 1:
        raise ConfigError(key, value, "a whole number from 1, or None for no limit")
    return value


_CHECKS: Mapping[str, Any] = {
    "enabled": _flag,
    "server_url": _url,
    "token": _token,
    "service_name": _name,
    "instrument_requests": _flag,
    "timeout": lambda key, value: _seconds(key, value, least=0.001),
    "max_sleep": lambda key, value: _seconds(key, value, least=0.0),
    "excluded_hosts": _hosts,
    "url_patterns": _url_patterns,
    "analysis_file": _path,
    "reduction": _reduction,
    "max_faults": _count,
    "max_executions": _count,
    "max_seconds": lambda key, value: None if value is None else _seconds(key, value, least=0.001),
    "check_determinism": _flag,
    "journal": _path,
}
