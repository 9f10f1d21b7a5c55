"""Attributes of other libraries' classes, replaced temporarily and restored."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from types import CodeType
from typing import Any

_MARK = "__flask_filibuster_patch__"
_lock = threading.Lock()


class Patch:
    """One replaced attribute, in place as long as it has holders.

    The replacement itself keeps the patch, so the class shows whether it is patched, and holders in
    several threads share one patch. If other code has replaced the attribute afterwards, the last
    release leaves that replacement in place; ours, below it, then only calls the original.
    """

    def __init__(self, owner: type, name: str, wrap: Callable[[Any, Patch], Any]) -> None:
        self.original = owner.__dict__[name]
        self.holders = 0
        self._owner = owner
        self._name = name
        self._replacement = functools.wraps(self.original)(wrap(self.original, self))
        setattr(self._replacement, _MARK, self)

    @property
    def active(self) -> bool:
        """Whether the patch has holders."""
        return self.holders > 0

    @classmethod
    def hold(cls, owner: type, name: str, wrap: Callable[[Any, Patch], Any]) -> Patch:
        """Install the patch, or share the installed one.

        :param owner: the class.
        :param name: name of a method that the class itself defines.
        :param wrap: returns the replacement, given the original and the patch.
        """
        with _lock:
            patch: Patch | None = getattr(owner.__dict__[name], _MARK, None)
            if patch is None:
                patch = cls(owner, name, wrap)
                setattr(owner, name, patch._replacement)
            patch.holders += 1
            return patch

    @staticmethod
    def of(owner: type, name: str) -> Patch | None:
        """The installed patch; ``None`` if other code has replaced the attribute since."""
        patch: Patch | None = getattr(owner.__dict__[name], _MARK, None)
        return patch

    def release(self) -> None:
        """Release one hold; the last release restores the original."""
        with _lock:
            self.holders -= 1
            if not self.holders and self._owner.__dict__[self._name] is self._replacement:
                setattr(self._owner, self._name, self.original)


def calls_super(function: Any) -> bool:
    """Whether a method calls ``super()``."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and _mentions_super(code)


def _mentions_super(code: CodeType) -> bool:
    inside = (each for each in code.co_consts if isinstance(each, CodeType))
    return "super" in code.co_names or any(map(_mentions_super, inside))
