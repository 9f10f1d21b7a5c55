"""The oracles: built-in ones, those of installed packages, and those of a user."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any, TypeAlias

from flask_filibuster.errors import ConfigError
from flask_filibuster.installed import entry_points_of
from flask_filibuster.nearest import did_you_mean
from flask_filibuster.results import oracles as ours
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

logger = logging.getLogger(__name__)

GROUP = "flask_filibuster.oracles"
EXPECTED = (
    "a list of names of oracles to switch off, and of oracles to add: Oracle objects or "
    "'module:attribute'"
)

Spec: TypeAlias = Iterable["str | Oracle | type[Oracle]"]
"""Names of oracles to switch off, and oracles to add."""


def oracles_of(spec: Spec | None = None) -> tuple[Oracle, ...]:
    """The oracles that judge: all, changed by ``spec``.

    :param spec: names of oracles to switch off (``"no timeout"`` or ``"no-timeout"``), and oracles
        to add: objects, classes or ``"module:attribute"``. An added one replaces one of the
        same name.
    :raises ConfigError: a name is unknown, or an added object is no oracle.

    >>> from flask_filibuster.results.oracles.registry import oracles_of
    >>> "no timeout" in [oracle.name for oracle in oracles_of()]
    True
    >>> "no timeout" in [oracle.name for oracle in oracles_of(["no-timeout"])]
    False
    """
    known = {oracle.name: oracle for oracle in (*(each() for each in _built_in()), *_installed())}
    added: dict[str, Oracle] = {}
    off: set[str] = set()
    for each in _listed(spec):
        if isinstance(each, str) and ":" not in each:
            off.add(_known_name(each, known))
        else:
            oracle = _imported(each) if isinstance(each, str) else _oracle(each)
            added[oracle.name] = oracle
    return tuple(oracle for name, oracle in {**known, **added}.items() if name not in off)


def _listed(spec: Any) -> list[Any]:
    if spec is None:
        return []
    if isinstance(spec, str) or not isinstance(spec, Iterable):
        raise ConfigError("oracles", spec, EXPECTED)
    return list(spec)


def _known_name(given: str, known: Iterable[str]) -> str:
    """The name of an oracle, in its exact form.

    :raises ConfigError: there is no oracle of that name.
    """
    names = sorted(known)
    name = " ".join(given.lower().replace("-", " ").replace("_", " ").split())
    # Also with the "no" by which a command line switches things off. "no timeout" is an oracle.
    for each in (name, name.removeprefix("no ")):
        if each in names:
            return each
    hint = did_you_mean(name, names)
    listed = " ".join(filter(None, (hint, f"known: {', '.join(names)}")))
    expected = f"the name of an oracle to switch off, or 'module:name' of one to add ({listed})"
    raise ConfigError("oracles", given, expected)


def _imported(path: str) -> Oracle:
    """The oracle at ``module:attribute``.

    :raises ConfigError: there is none.
    """
    module, _, attribute = path.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        expected = f"an importable oracle, as 'module:attribute' ({error})"
        raise ConfigError("oracles", path, expected) from error
    return _oracle(found)


def _oracle(given: Any) -> Oracle:
    """An oracle, given as an object or as a class.

    :raises ConfigError: it is neither.
    """
    if isinstance(given, type) and issubclass(given, Oracle):
        given = given()
    if not isinstance(given, Oracle):
        raise ConfigError("oracles", given, EXPECTED)
    return given


@lru_cache(maxsize=1)
def _built_in() -> tuple[type[Oracle], ...]:
    """The classes of the built-in oracles: one for each file of this room and its own.

    Not by entry points: those of a source tree are as old as its installation.
    """
    found: list[type[Oracle]] = []
    for module in walk_packages(ours.__path__, f"{ours.__name__}."):
        for each in vars(import_module(module.name)).values():
            own = isinstance(each, type) and each.__module__ == module.name
            if own and issubclass(each, Oracle) and each not in (Oracle, _Guarded):
                found.append(each)
    return tuple(found)


def _installed() -> Iterator[Oracle]:
    """The oracles of installed packages. One that cannot be loaded does not break the others."""
    for point in entry_points_of(GROUP):
        oracle = _loaded(point)
        if oracle is not None:
            yield _Guarded(oracle, _described(point))


def _loaded(point: EntryPoint) -> Oracle | None:
    try:
        return _oracle(point.load())
    except Exception:
        logger.warning("the oracle %s cannot be loaded", _described(point), exc_info=True)
        return None


def _described(point: EntryPoint) -> str:
    package = "" if point.dist is None else f" of {point.dist.name}"
    return f"{point.name!r}{package} ({point.value})"


class _Guarded(Oracle):
    """An oracle of a package; its failure must not break the others.

    :param oracle: the oracle.
    :param described: its name and origin, in words.
    """

    def __init__(self, oracle: Oracle, described: str) -> None:
        self.name = oracle.name
        self.severity = oracle.severity
        self._oracle = oracle
        self._described = described
        self._failed = False

    @property
    def page(self) -> str:
        """Its own page."""
        return self._oracle.page

    def look(self, seen: Seen) -> Iterable[Sighting]:
        """Its sightings, until its first failure."""
        if self._failed:
            return ()
        try:
            return list(self._oracle.look(seen))
        except Exception:
            self._failed = True
            logger.warning(
                "the oracle %s failed; it is ignored from now on", self._described, exc_info=True
            )
            return ()
