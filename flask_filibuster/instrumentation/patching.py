"""Attributes of other libraries' classes and modules, replaced temporarily and restored."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from types import CodeType, FunctionType, MethodDescriptorType, ModuleType, WrapperDescriptorType
from typing import Any, Protocol
from weakref import WeakSet

_MARK = "__flask_filibuster_patch__"
# Reentrant: the wrap of one patch may hold another.
_lock = threading.RLock()
_INHERITED = object()
_ABSENT = object()
# Flags of types, from CPython's object.h.
_IMMUTABLE_TYPE = 1 << 8
_HEAP_TYPE = 1 << 9
# Methods that are written in C.
_SLOTS = (MethodDescriptorType, WrapperDescriptorType)

Wrap = Callable[[Any, "Patch"], Any]


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

    :ivar owner: the class or module, or a single object.
    :ivar name: name of the attribute.
    :ivar wrap: returns the replacement.
    :ivar original: what the owner had before, to be called as a function of the class: with the
        instance as its first argument.
    """

    def __init__(self, owner: Any, name: str, wrap: Wrap) -> None:
        self.holders = 0
        self.owner = owner
        self.name = name
        self.wrap = wrap
        own = vars(owner).get(name, _INHERITED)
        self._replaced = _below_proxies(own)
        self._inherited: Any = _ABSENT
        if own is _INHERITED:
            self._inherited = inspect.getattr_static(owner, name, _ABSENT)
        # Weakly: one that other code has replaced for good, and keeps no more, needs no release.
        # None: there are no others, as for most patches.
        self._also: WeakSet[Patch] | None = None
        replaced = self._inherited if own is _INHERITED else self._replaced
        self.original = _as_function(owner, name, replaced)
        replacement = wrap(self.original, self)
        if replaced is _ABSENT and not hasattr(type(replacement), "__set__"):
            raise AttributeError(f"{owner!r} has no attribute {name!r}")
        self._replacement = _dressed(replacement, replaced, owner)
        setattr(self._replacement, _MARK, self)

    @property
    def active(self) -> bool:
        """Whether the patch has holders."""
        return self.holders > 0

    @classmethod
    def hold(cls, owner: Any, name: str, wrap: Wrap, *, on_top: bool = False) -> Patch:
        """Install the patch, or share the installed one.

        :param owner: the class or module, or a single object.
        :param name: name of a method, which the class may inherit, or of a function of the module;
            or of an attribute of all objects of the class, if ``wrap`` returns a data descriptor.
        :param wrap: returns the replacement, given the original and the patch.
        :param on_top: whether to share the installed patch only if it is called first.
        :raises AttributeError: there is no such attribute.
        """
        with _lock:
            patch = cls.on_top(owner, name) if on_top else cls.of(owner, name)
            if patch is None:
                patch = cls(owner, name, wrap)
                patch._exchange(patch._replaced, patch._replacement)
            patch.holders += 1
            return patch

    @staticmethod
    def of(owner: Any, name: str) -> Patch | None:
        """The installed patch; ``None`` if other code has replaced the attribute since.

        A wrapper that other code has put around ours, and that shows what it wraps, counts as ours.
        """
        patch: Any = getattr(vars(owner).get(name), _MARK, None)
        # Any name is an attribute of a mock. A copy of our mark names another attribute.
        if not isinstance(patch, Patch) or patch.owner is not owner or patch.name != name:
            return None
        return patch

    @classmethod
    def on_top(cls, owner: Any, name: str) -> Patch | None:
        """The installed patch, if nothing but wrappers of wrapt is called first.

        A function that took over our attributes (``functools.wraps``) need not call ours.
        """
        patch = cls.of(owner, name)
        found = vars(owner).get(name)
        is_first = patch is not None and (type(found) is not FunctionType or patch.made(found))
        return patch if is_first else None

    @staticmethod
    def is_ours(function: Any) -> bool:
        """Whether a function is a replacement of ours, or has taken over its attributes."""
        return isinstance(getattr(function, _MARK, None), Patch)

    def made(self, found: object) -> bool:
        """Whether an attribute is its replacement."""
        return found is self._replacement

    def also(self, owner: Any, name: str, wrap: Wrap) -> None:
        """Hold another patch, on top, until this one is released; once if it is held already."""
        with _lock:
            if not self.active:
                return
            patch = self.on_top(owner, name)
            if self._also is None:
                self._also = WeakSet()
            if patch is None or patch not in self._also:
                self._also.add(self.hold(owner, name, wrap, on_top=True))

    def release(self) -> None:
        """Release one hold; the last release restores the original."""
        with _lock:
            self.holders -= 1
            if self.holders:
                return
            also, self._also = self._also, None
            for each in list(also or ()):
                each.release()
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
    if type(replaced) is FunctionType:  # Almost always.
        return False
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


def _as_function(owner: Any, name: str, replaced: Any) -> Callable[..., Any]:
    """The attribute as a function that takes the instance first (the class, for a class method).

    A wrapper of another library may learn its instance only from the binding (wrapt), or may be no
    descriptor at all and get no instance (a mock).
    """
    is_function = type(replaced) is FunctionType or isinstance(replaced, _SLOTS)
    if isinstance(owner, ModuleType) or (is_function and isinstance(owner, type)):
        function: Callable[..., Any] = replaced
        return function
    if not isinstance(owner, type):
        return _unbound(getattr(owner, name))
    of_class = _is_of_class(replaced)

    def call(instance: Any, /, *args: Any, **kwargs: Any) -> Any:
        bind = getattr(type(replaced), "__get__", None)
        bound_to = (None, instance) if of_class else (instance, type(instance))
        method = replaced if bind is None else bind(replaced, *bound_to)
        return method(*args, **kwargs)

    return call


def _unbound(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(_instance: Any, /, *args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    return call


def _is_of_class(replaced: Any) -> bool:
    if isinstance(replaced, classmethod) or type(replaced).__name__ == "classmethod_descriptor":
        return True
    return inspect.isbuiltin(replaced) and isinstance(replaced.__self__, type)


def _dressed(replacement: Any, replaced: Any, owner: Any) -> Any:
    """The replacement in the form of what it replaces."""
    if replaced is _ABSENT:
        return replacement
    is_plain = not hasattr(type(replaced), "__get__") and not inspect.isroutine(replaced)
    # A function with the books of a mock (autospec) keeps them itself: a copy would be outdated.
    if is_plain or hasattr(replaced, "assert_called"):
        return _Standing(replaced, replacement, owner)
    dressed: Any = functools.wraps(replaced)(replacement)
    if not isinstance(owner, type | ModuleType):
        return functools.partial(dressed, owner)
    return classmethod(dressed) if _is_of_class(replaced) else dressed


class _Standing:
    """Takes the place of an object that is no function, such as a mock, and shows its attributes.

    :param raw: the object.
    :param call: is called instead, with the instance first.
    :param instance: the instance; the owner, where it is not reached by an instance.
    """

    def __init__(self, raw: Any, call: Callable[..., Any], instance: Any) -> None:
        vars(self).update(_raw=raw, _call=call, _instance=instance)

    def __call__(self, *args: Any, **options: Any) -> Any:
        own = vars(self)
        if isinstance(own["_instance"], ModuleType):
            return own["_call"](*args, **options)
        return own["_call"](own["_instance"], *args, **options)

    def __get__(self, instance: Any, owner: Any = None) -> _Standing:
        if instance is None:
            return self
        own = vars(self)
        return _Standing(own["_raw"], own["_call"], instance)

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["_raw"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == _MARK:
            vars(self)[name] = value
        else:
            setattr(vars(self)["_raw"], name, value)


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
