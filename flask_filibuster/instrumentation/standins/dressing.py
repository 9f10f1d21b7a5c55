"""Make the calls of one stand-in calls of the client that it stands for.

A mock object stays the object that it is: only its own class, which no other object has, gets
another ``__call__`` and ``__getattribute__``. In the place of a plain function comes a wrapper; of
any other stand-in (a class, a module, an object), the methods that make calls are wrapped.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from flask_filibuster.instrumentation.call import perform_mocked, takes_no_part
from flask_filibuster.instrumentation.clients.functions import is_mock, mock_within
from flask_filibuster.instrumentation.mocking import Answers, Taking
from flask_filibuster.instrumentation.outgoing import Role
from flask_filibuster.instrumentation.patching import Held, Patch, calls_super

logger = logging.getLogger(__name__)

RoleOf = Callable[[Any], Role | None]


class _Returning(Role):
    """A function that only returns something with a role, such as ``__enter__``."""

    def __init__(self, role: Role) -> None:
        self._role = role

    def result(self) -> Role | None:
        return self._role


class _Lent:
    """An attribute that a stand-in does not have, until it is released."""

    def __init__(self, owner: Any, name: str, value: Any) -> None:
        self._owner = owner
        self._name = name
        self._value = value
        setattr(owner, name, value)

    def release(self) -> None:
        """Take it off again, unless other code has set it since."""
        if vars(self._owner).get(self._name) is self._value:
            delattr(self._owner, self._name)


class Dressing:
    """The patches of one stand-in, and of what it returns; :meth:`release` takes them off.

    :param role_of: the role of a part of a client, if an object is one.
    :ivar strange: what could not be followed, in words.
    """

    def __init__(self, role_of: RoleOf) -> None:
        self._role_of = role_of
        self._patches: list[Held] = []
        self._roles: dict[int, tuple[Any, Role]] = {}
        self._answers = Answers()
        self.strange: list[str] = []

    def at(self, owner: Any, name: str, role: Role) -> None:
        """Dress what an attribute holds, which was put in the place of something with this role."""
        value = inspect.getattr_static(owner, name, None)
        if value is None or self._is_genuine(value):
            return
        if role.strange:
            self.strange.append(role.strange)
            return
        if isinstance(value, FunctionType) and calls_super(value):
            return
        if self._is_dressed_in_place(value, role):
            return
        if callable(value) or isinstance(value, staticmethod | classmethod):
            self._hold(owner, name, role)

    def role(self, value: Any) -> Role | None:
        """The role that an object has as a stand-in."""
        known = self._roles.get(id(value))
        return None if known is None else known[1]

    def release(self) -> None:
        """Take all patches off."""
        patches, self._patches = self._patches, []
        self._roles, self._answers = {}, Answers()
        for patch in reversed(patches):
            patch.release()

    def _dressed(self, value: Any, role: Role) -> Any:
        """A stand-in, or a wrapper to use instead of it."""
        if value is None or self._is_genuine(value):
            return value
        if self._is_dressed_in_place(value, role) or not callable(value):
            return value

        @functools.wraps(value)
        def stand_in(*args: Any, **options: Any) -> Any:
            return self._called(role, functools.partial(value, *args, **options), args, options)

        return stand_in

    def _is_dressed_in_place(self, value: Any, role: Role) -> bool:
        """Dress a stand-in that needs no wrapper; ``False`` if it needs one."""
        if id(value) in self._roles:
            return True
        mock = mock_within(value)
        if mock is not None:
            self._dress_mock(mock, role)
            return True
        if not has_parts(role) or isinstance(value, FunctionType):
            return False
        if isinstance(value, type):
            below = role.result()
            if below is not None:
                self._dress_parts(value, below)
        else:
            self._dress_parts(value, role)
            if callable(value) and role.result() is not None:
                return False
        return True

    def _dress_parts(self, owner: Any, role: Role) -> None:
        """Dress the methods of a class, or the functions, classes and objects of an object."""
        self._roles[id(owner)] = (owner, role)
        cls = owner if isinstance(owner, type) else type(owner)
        names = [each for each in dir(owner) if not each.startswith("_")]
        parts = {name: below for name in names if (below := role.attribute(name)) is not None}
        for name, below in parts.items():
            self.at(owner, name, below)
        if "__getattr__" in dir(cls):
            self._watch(cls, "__getattr__", self._found(role))
        elif not parts:
            self.strange.append(f"{_words(owner)} makes its calls by unknown names")
        for name, value in role.constants().items():
            if not hasattr(owner, name):  # It is needed only under faults.
                self._lend(owner, name, value)
        if hasattr(cls, "__enter__") and self._role_of(cls) is None:
            self._hold(cls, "__enter__", _Returning(role))

    def _dress_mock(self, mock: Any, role: Role) -> None:
        self._roles[id(mock)] = (mock, role)
        cls = type(mock)
        if any(each.__name__ == "AsyncMockMixin" for each in cls.__mro__):
            self.strange.append("an asynchronous mock is in its place")
            return
        if callable(mock):
            self._hold(cls, "__call__", role)
        below = role.result()
        given = vars(mock).get("_mock_return_value")
        if below is not None and (mock_within(given) is not None):
            self._dressed(given, below)
        if not has_parts(role):
            return
        self._watch(cls, "__getattribute__", self._found(role))
        for name in list(vars(mock).get("_mock_children", ())):
            if role.attribute(name) is not None:
                getattr(mock, name)
        if below is not None:  # It is a class, and only its objects are entered.
            return
        entering = getattr(mock, "__enter__", None)
        if mock_within(entering) is not None:
            self._dressed(entering, _Returning(role))

    def _found(self, role: Role) -> Callable[[Any, Patch], Any]:
        """The wrap of a method that finds attributes."""
        constants = role.constants()

        def wrap(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
            def found(obj: Any, name: str) -> Any:
                if name.startswith("_") or not patch.active:
                    return original(obj, name)
                below, constant = role.attribute(name), constants.get(name)
                if below is None and constant is None:
                    return original(obj, name)
                try:
                    value = original(obj, name)
                except AttributeError:
                    if not is_mock(obj):
                        raise
                    value = type(obj).__getattr__(obj, name)
                if below is not None:
                    return self._dressed(value, below)
                # No mock can be caught, so the first fault would end in a TypeError.
                return constant if mock_within(value) is not None else value

            return found

        return wrap

    def _hold(self, owner: Any, name: str, role: Role) -> None:
        def wrap(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
            # Functions of a module get no instance.
            skipped = 0 if isinstance(owner, ModuleType) else 1

            def stand_in(*args: Any, **options: Any) -> Any:
                ask = functools.partial(original, *args, **options)
                return self._called(role, ask, args[skipped:], options) if patch.active else ask()

            return stand_in

        self._watch(owner, name, wrap)

    def _watch(self, owner: Any, name: str, wrap: Callable[[Any, Patch], Any]) -> None:
        try:
            self._patches.append(Patch.hold(owner, name, wrap))
        except (AttributeError, TypeError) as error:
            if not isinstance(owner, type) and name in dir(type(owner)):
                self._watch(type(owner), name, wrap)  # The object has no dict of its own.
            else:
                self.strange.append(f"{name} of {_words(owner)} cannot be wrapped: {error}")

    def _lend(self, owner: Any, name: str, value: Any) -> None:
        try:
            self._patches.append(_Lent(owner, name, value))
        except (AttributeError, TypeError) as error:
            logger.debug("cannot lend %s to %r: %r", name, owner, error)

    def _called(self, role: Role, ask: Callable[[], Any], args: Any, options: Any) -> Any:
        call = None
        if not takes_no_part() and not Taking.is_running():
            call = role.call_of(args, options)
        answers = self._answers
        result = ask() if call is None else answers.perform(role, call, ask, perform_mocked)
        below = role.result()
        return result if below is None else self._dressed(result, below)

    def _is_genuine(self, value: Any) -> bool:
        """Whether a value is the client's own function or module, which the client sees by itself.

        Of a class or an object, its own methods are asked: a subclass may be a fake.
        """
        is_whole = isinstance(value, type) or not (callable(value) or isinstance(value, ModuleType))
        return not is_whole and not is_mock(value) and self._role_of(value) is not None


def has_parts(role: Role) -> bool:
    """Whether it is the role of a class, a module or an object, rather than of a function."""
    return type(role).attribute is not Role.attribute


def _words(value: Any) -> str:
    kind = value if isinstance(value, type) else type(value)
    return f"{kind.__module__}.{kind.__qualname__}"
