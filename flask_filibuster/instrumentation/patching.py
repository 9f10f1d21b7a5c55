"""Attributes of other libraries' classes and modules, replaced temporarily and restored."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from types import CodeType, FunctionType, MethodDescriptorType, ModuleType, WrapperDescriptorType
from typing import Any, Protocol

_MARK = "__flask_filibuster_patch__"
_lock = threading.Lock()
_INHERITED = object()
# Flags of types, from CPython's object.h.
_IMMUTABLE_TYPE = 1 << 8
_HEAP_TYPE = 1 << 9
# Methods that are written in C.
_SLOTS = (MethodDescriptorType, WrapperDescriptorType)


class Held(Protocol):
    """Something that is in place until its release."""

    def release(self) -> None:
        """Take it away."""


class Patch:
    """One replaced attribute, in place as long as it has holders.

    The replacement itself keeps the patch, so the owner shows whether it is patched, and holders in
    several threads share one patch. If other code has replaced the attribute afterwards, the last
    release leaves that replacement in place; ours, below it, then only calls the original. It goes
    from below wrappers of wrapt, which show what they wrap.

    :ivar owner: the class or module.
    :ivar name: name of the attribute.
    :ivar wrap: returns the replacement.
    :ivar original: what the owner had before, to be called as a function of the class: with the
        instance as its first argument.
    """

    def __init__(
        self, owner: type | ModuleType, name: str, wrap: Callable[[Any, Patch], Any]
    ) -> None:
        self.holders = 0
        self.owner = owner
        self.name = name
        self.wrap = wrap
        own = vars(owner).get(name, _INHERITED)
        self._replaced = _below_proxies(own)
        self._inherited = inspect.getattr_static(owner, name)
        replaced = self._inherited if own is _INHERITED else self._replaced
        self.original = _as_function(owner, replaced)
        self._replacement = functools.wraps(replaced)(wrap(self.original, self))
        setattr(self._replacement, _MARK, self)

    @property
    def active(self) -> bool:
        """Whether the patch has holders."""
        return self.holders > 0

    @classmethod
    def hold(cls, owner: type | ModuleType, name: str, wrap: Callable[[Any, Patch], Any]) -> Patch:
        """Install the patch, or share the installed one.

        :param owner: the class or module.
        :param name: name of a method, which the class may inherit, or of a function of the module.
        :param wrap: returns the replacement, given the original and the patch.
        """
        with _lock:
            patch = cls.of(owner, name)
            if patch is None:
                patch = cls(owner, name, wrap)
                patch._exchange(patch._replaced, patch._replacement)
            patch.holders += 1
            return patch

    @staticmethod
    def of(owner: type | ModuleType, name: str) -> Patch | None:
        """The installed patch; ``None`` if other code has replaced the attribute since.

        A wrapper that other code has put around ours, and that shows what it wraps, counts as ours.
        """
        patch: Any = getattr(vars(owner).get(name), _MARK, None)
        # Any name is an attribute of a mock. A copy of our mark names another attribute.
        if not isinstance(patch, Patch) or (patch.owner, patch.name) != (owner, name):
            return None
        return patch

    def release(self) -> None:
        """Release one hold; the last release restores the original."""
        with _lock:
            self.holders -= 1
            if not self.holders:
                self._exchange(self._replacement, self._replaced)

    def _exchange(self, old: Any, new: Any) -> None:
        """Put one function in the other's place, unless other code has replaced it.

        The place may be below wrappers of wrapt: their libraries may take them off at any time, and
        look for them at the top.
        """
        top = vars(self.owner).get(self.name, _INHERITED)
        if top is not old:
            below = _proxy_of(old, top)
            if below is not None:
                below.__wrapped__ = self._inherited if new is _INHERITED else new
        elif new is _INHERITED:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, new)


def _is_proxy(replaced: Any) -> bool:
    """Whether it is a wrapper of wrapt, or of a copy of wrapt in another library."""
    return any(kind.__name__ == "ObjectProxy" for kind in type(replaced).__mro__)


def _below_proxies(replaced: Any) -> Any:
    while _is_proxy(replaced):
        replaced = replaced.__wrapped__
    return replaced


def _proxy_of(function: Any, top: Any) -> Any:
    """The wrapper directly around a function; ``None`` if there is none."""
    while _is_proxy(top) and top.__wrapped__ is not function:
        top = top.__wrapped__
    return top if _is_proxy(top) else None


def _as_function(owner: type | ModuleType, replaced: Any) -> Callable[..., Any]:
    """The attribute as a function that takes the instance first.

    A wrapper of another library may learn its instance only from the binding (wrapt), or may be no
    descriptor at all and get no instance (a mock).
    """
    if isinstance(owner, ModuleType) or isinstance(replaced, (FunctionType, *_SLOTS)):
        function: Callable[..., Any] = replaced
        return function

    def call(instance: Any, /, *args: Any, **kwargs: Any) -> Any:
        bind = getattr(type(replaced), "__get__", None)
        method = replaced if bind is None else bind(replaced, instance, type(instance))
        return method(*args, **kwargs)

    return call


def can_be_patched(kind: type) -> bool:
    """Whether a class accepts new attributes; most that are written in C don't."""
    return bool(kind.__flags__ & _HEAP_TYPE) and not kind.__flags__ & _IMMUTABLE_TYPE


def calls_super(function: Any) -> bool:
    """Whether a method calls ``super()``."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and _mentions_super(code)


def _mentions_super(code: CodeType) -> bool:
    inside = (each for each in code.co_consts if isinstance(each, CodeType))
    return "super" in code.co_names or any(map(_mentions_super, inside))
