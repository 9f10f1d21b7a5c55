"""What tests have replaced: attributes that held a part of a client, and now another object."""

from __future__ import annotations

import gc
import inspect
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from flask_filibuster.instrumentation.clients.functions import is_mock
from flask_filibuster.instrumentation.clients.registry import imported_clients
from flask_filibuster.instrumentation.mocking import known_mocks
from flask_filibuster.instrumentation.outgoing import Client, Role
from flask_filibuster.instrumentation.patching import Held, Patch
from flask_filibuster.instrumentation.standins.dressing import Dressing
from flask_filibuster.instrumentation.standins.originals import is_lazy_proxy
from flask_filibuster.instrumentation.standins.unknown import unknown_role

Replaced = tuple[Any, Any, str, Any]
"""Who has replaced an attribute and undoes it; its owner, its name, and what it held before."""


class Way(ABC):
    """A way in which tests replace attributes.

    :cvar kind: the class of the objects that replace attributes and restore them.
    """

    kind: type

    @abstractmethod
    def hold(self) -> Sequence[Patch]:
        """Patch its methods, so that each replacement is noted."""

    @abstractmethod
    def replaced(self, maker: Any) -> Iterable[Replaced]:
        """What one of its objects has replaced, and not yet restored."""


class _Place:
    """One attribute, while something else than the client's own is in it."""

    def __init__(self, owner: Any, name: str, role: Role) -> None:
        self.owner = owner
        self.name = name
        self.role = role
        self.makers: list[Any] = []
        self.dressing = Dressing(role_of)

    def dress(self) -> None:
        self.dressing.at(self.owner, self.name, self.role)

    @property
    def is_restored(self) -> bool:
        """Whether the client's own is in it again; after patches that overlap, it may not be."""
        return role_of(inspect.getattr_static(self.owner, self.name, None)) is not None

    @property
    def words(self) -> str:
        owner = self.owner
        name = getattr(owner, "__qualname__", getattr(owner, "__name__", type(owner).__qualname__))
        return f"{name}.{self.name}"


class _Part:
    """A public function, class or method of a client, and what was last seen in its place."""

    __slots__ = ("held", "name", "owner", "role", "seen")

    def __init__(self, owner: Any, name: str, role: Role) -> None:
        self.owner = owner
        self.name = name
        self.role = role
        self.held = vars(owner)
        self.seen: Any = None


class Replacements:
    """The replaced attributes of the process, and the stand-ins in them.

    Attributes belong to the process, not to one exploration: so do these, like installed patches.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._places: list[_Place] = []
        self._kept: dict[type, Sequence[Patch]] = {}
        self._followers = 0
        self._strange: dict[str, None] = {}
        self._clients: tuple[Client, ...] = ()
        self._parts: tuple[_Part, ...] = ()

    def follow(self, way: Way) -> Held:
        """Follow a way to replace attributes, also what it has replaced already."""
        with self._lock:
            patches = way.hold()
            if all(each.holders == 1 for each in patches):
                self._find(way)
            if "pytest" in sys.modules and way.kind not in self._kept:
                # Finding takes as long as an execution, so pytest's process finds only once.
                self._kept[way.kind] = way.hold()
            self._followers += 1
            if self._followers == 1:
                self._begin()
        return _Following(self, patches)

    def look(self) -> None:
        """Note what has been replaced by mere assignments to a client's functions and classes."""
        for part in self._parts:
            if part.held.get(part.name) is not part.seen:
                self._look_at(part)

    def leave(self) -> None:
        """Follow one way less; the last takes everything off."""
        with self._lock:
            self._followers -= 1
            if self._followers:
                return
            for place in reversed(self._places):
                self._undress(place)
            if not self._kept:
                self._places = []

    def rest(self) -> None:
        """Note replacements only during explorations from now on: pytest's session ends."""
        with self._lock:
            kept, self._kept = self._kept, {}
            for patches in kept.values():
                for patch in patches:
                    patch.release()
            if not self._followers:
                self._places = []

    def put(self, maker: Any, owner: Any, name: str, original: Any) -> None:
        """Note that an attribute has been replaced."""
        with self._lock:
            place = self._at(owner, name)
            if place is None:
                role = self._role_of(original)
                if role is None:
                    return
                place = _Place(owner, name, role)
                self._places.append(place)
            if not any(each is maker for each in place.makers):
                place.makers.append(maker)
            self._undress(place)
            if self._followers:
                place.dress()

    @contextmanager
    def lifted(self, maker: Any) -> Iterator[None]:
        """Undo what one maker has replaced while the block runs; our patches do not hinder it."""
        with self._lock:
            places = [each for each in self._places if any(one is maker for one in each.makers)]
            for place in places:
                self._undress(place)
        try:
            yield
        finally:
            with self._lock:
                for place in places:
                    self._left(place, maker)

    def strange(self) -> tuple[str, ...]:
        """What could not be followed in the last exploration, in words."""
        with self._lock:
            return tuple(self._strange)

    def _undress(self, place: _Place) -> None:
        for words in place.dressing.strange:
            self._strange[f"{place.words} is replaced, and its calls cannot fail: {words}"] = None
        place.dressing.strange = []
        place.dressing.release()

    def _begin(self) -> None:
        self._strange = {}
        self._places = [each for each in self._places if each.makers or not each.is_restored]
        for place in self._places:
            place.dress()
        clients = tuple(imported_clients())
        if clients != self._clients:
            self._clients = clients
            self._parts = tuple(_Part(*part) for client in clients for part in client.parts())
        self.look()

    def _look_at(self, part: _Part) -> None:
        with self._lock:
            place = self._at(part.owner, part.name)
            value = part.held.get(part.name)
            # Other mocks replace parts, too, and are known.
            is_known = getattr(value, "__module__", "") in known_mocks() and not is_mock(value)
            is_own = is_known or role_of(value) is not None
            if place is None and not is_own and part.name in part.held:
                place = _Place(part.owner, part.name, part.role)
                self._places.append(place)
            if place is not None and not place.makers:
                self._undress(place)
                if is_own:
                    self._places.remove(place)
                elif self._followers:
                    place.dress()
            part.seen = part.held.get(part.name)

    def _find(self, way: Way) -> None:
        # Objects refer to their classes. Their own lists have only what start() has replaced.
        for each in gc.get_referrers(way.kind):
            if type(each) is way.kind:
                for replaced in way.replaced(each):
                    self.put(*replaced)

    def _left(self, place: _Place, maker: Any) -> None:
        place.makers = [each for each in place.makers if each is not maker]
        if place.makers or not place.is_restored:
            if self._followers:
                place.dress()
        elif place in self._places:
            self._places.remove(place)

    def _at(self, owner: Any, name: str) -> _Place | None:
        found = (each for each in self._places if each.owner is owner and each.name == name)
        return next(found, None)

    def _role_of(self, original: Any) -> Role | None:
        """The role of the original, which may be a stand-in itself."""
        stood = (each.dressing.role(original) for each in self._places)
        return next((role for role in stood if role is not None), None) or role_of(original)


class _Following:
    """The hold on one way to replace attributes."""

    def __init__(self, replacements: Replacements, patches: Sequence[Patch]) -> None:
        self._replacements = replacements
        self._patches = patches

    def release(self) -> None:
        """Release it."""
        self._replacements.leave()
        for patch in self._patches:
            patch.release()


@cache
def replacements() -> Replacements:
    """The replaced attributes of this process."""
    return Replacements()


def role_of(original: Any) -> Role | None:
    """The role of a part of a client, or of something else that makes calls, if it is one."""
    if is_lazy_proxy(original):
        return None
    for client in imported_clients():
        role = client.role_of(original)
        if role is not None:
            return role
    return unknown_role(original)
