"""The declaration of an option, besides its name and type."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from inspect import get_annotations
from typing import Any, Literal, TypeAlias, get_args

from flask_filibuster.options.kinds import Kind

Place: TypeAlias = Literal[
    "python", "mark", "pytest", "project", "config", "explore", "test", "serve", "server"
]
"""A place that accepts an option.

``"python"``: argument of ``explore()``. ``"mark"``: argument of ``@pytest.mark.filibuster``.
``"pytest"``: ``--filibuster-NAME``. ``"project"``: key of ``[tool.filibuster]`` and, for options of
pytest, ini key ``filibuster_NAME``. ``"config"``: ``FILIBUSTER_NAME`` in ``app.config``.
``"explore"``, ``"test"``, ``"serve"``: ``--NAME`` of that command. ``"server"``: part of what a
driver sends to a server that runs elsewhere.
"""


@dataclass(frozen=True, slots=True)
class Option:
    """One row of the table.

    :ivar kind: the type of its value.
    :ivar help: its effect, as one sentence without the option's name.
    :ivar places: the places that accept it.
    :ivar default: the value that applies if it is not given.
    :ivar default_words: the default in words, if its value does not explain itself.
    :ivar environment: whether an environment variable with its key's name also sets it.
    :ivar name: its name in Python; filled in by :func:`declared`.
    """

    kind: Kind
    help: str
    places: tuple[Place, ...]
    default: Any = None
    default_words: str = ""
    environment: bool = False
    name: str = ""

    @property
    def key(self) -> str:
        """Its key in ``app.config``: ``FILIBUSTER_MAX_FAULTS``."""
        return f"FILIBUSTER_{self.name.upper()}"

    @property
    def ini_key(self) -> str:
        """Its key in pytest's configuration: ``filibuster_max_faults``."""
        return f"filibuster_{self.name}"

    @property
    def words(self) -> str:
        """Its name on a command line, without dashes before it: ``max-faults``.

        A list's name is in the singular, because each value is given by an option of its own.
        """
        name = self.name.replace("_", "-")
        return name.removesuffix("s") if self.kind.many else name

    def check(self, value: Any, key: str | None = None) -> Any:
        """Check a value and return it in its final form.

        :param key: the option's name in an error message; by default its name.
        :raises ConfigError: the value is invalid.
        """
        return self.kind.check(key or self.name, value)


@lru_cache(maxsize=16)  # A table is read for each exploration.
def declared(row: type[Any]) -> tuple[Option, ...]:
    """The options that a class of the table declares, base classes first.

    Each is a field with the type ``Annotated[type, Option(…)]``.
    """
    defaults = {each.name: each.default for each in fields(row)}
    options: list[Option] = []
    for each in reversed(row.__mro__):
        for name, hint in get_annotations(each).items():
            for extra in get_args(hint)[1:]:
                if isinstance(extra, Option):
                    default = extra.default if defaults[name] is None else defaults[name]
                    options.append(replace(extra, name=name, default=default))
    return tuple(options)
