"""Stand-ins for what makes calls and belongs to no client: their calls are named.

A test that replaces ``urllib.request.urlopen`` or ``subprocess.run`` leaves nothing that the
witness could see. So each call of the stand-in is noted where it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import Any

from flask_filibuster.instrumentation.outgoing import Role
from flask_filibuster.instrumentation.standins.makers import maker_of
from flask_filibuster.instrumentation.witness.events import without_secrets
from flask_filibuster.instrumentation.witness.seeing import note_unexplored

_METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    dict.fromkeys(("http.client", "urllib3.connection"), ("putrequest", "request"))
)
"""Of classes whose objects have many methods for one call, those that begin it."""


class Unknown(Role):
    """The role of a function that makes calls, or of a method.

    :param name: its name in messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def call_of(self, args: Sequence[Any], options: Mapping[str, Any]) -> None:
        """Note the call; it is no call of a client."""
        given = [each for each in (*args, *options.values()) if isinstance(each, str)]
        urls = [each for each in given if each.startswith(("http://", "https://"))]
        note_unexplored("replaced", self.name, without_secrets(urls[0]) if urls else "")


class _Parts(Role):
    """The role of a module, or of an object.

    :param name: its name in messages.
    :param original: the module; of an object, the class.
    """

    def __init__(self, name: str, original: Any) -> None:
        self._name = name
        self._original = original

    def attribute(self, name: str) -> Role | None:
        """The role of a function, a class or a method."""
        value = None if name.startswith("_") else getattr(self._original, name, None)
        if isinstance(self._original, ModuleType):
            return unknown_role(value)
        begins = _METHODS.get(str(self._original.__module__), (name,))
        return Unknown(f"{self._name}.{name}") if callable(value) and name in begins else None


class _Class(Unknown):
    """The role of a class."""

    def __init__(self, name: str, original: type) -> None:
        super().__init__(name)
        self._objects = _Parts(name, original)

    def attribute(self, name: str) -> None:
        """Methods belong to its objects."""

    def result(self) -> Role:
        """The role of its objects."""
        return self._objects


def unknown_role(original: Any) -> Role | None:
    """The role of what makes calls and belongs to no client; ``None``: it makes none.

    :param original: a function, a class, a module or an object of the application or a library.
    """
    maker = maker_of(original)
    if maker is None:
        return None
    if isinstance(maker, ModuleType):
        return _Parts(maker.__name__, maker)
    words = f"{maker.__module__}.{maker.__qualname__}"
    if not isinstance(maker, type):
        return Unknown(words)
    return _Class(words, maker) if maker is original else _Parts(words, maker)
