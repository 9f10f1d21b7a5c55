"""The patches of virtual time, held while something is explored."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from flask_filibuster.instrumentation.clock.dates import Dates
from flask_filibuster.instrumentation.clock.places import (
    Exchange,
    counts,
    in_module_of_time,
    places_of,
)
from flask_filibuster.instrumentation.clock.reading import stand_ins
from flask_filibuster.instrumentation.patching import Held


@cache
def clocks() -> Clocks:
    """The clocks of this process."""
    return Clocks()


class Clocks:
    """Puts stand-ins into all places of the functions of ``time``, while it is held."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._holders = 0
        self._stands: list[Any] = []
        self._real: list[Any] = []
        self._names: set[str] = set()
        self._dates = Dates()
        self._places: list[Exchange] = []
        # What shows new places: references to the functions, also fewer (what has gone may hide
        # what is new), and how many modules there are; references that an exchange leaves.
        self._known: tuple[list[int], int] = ([], 0)
        self._left: list[int] = []
        # A place that only a copy of a stand-in has, as of a module that was imported meanwhile,
        # shows in the number of references to the stand-in.
        self._known_stands: list[int] = []

    def hold(self) -> Held:
        """Put the stand-ins in place, until the release."""
        with self._lock:
            self._holders += 1
            if self._holders == 1:
                self._put()
        return _Hold(self)

    def release(self) -> None:
        """Release one hold; the last one restores the functions."""
        with self._lock:
            self._holders -= 1
            if not self._holders:
                self._take()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Run the block with the functions in their places: it puts others there."""
        with self._lock:
            if self._holders:
                self._take()
            try:
                yield
            finally:
                if self._holders:
                    self._put()

    def _put(self) -> None:
        self._complete()
        found = (counts(self._real), len(sys.modules))
        if found == self._known:
            self._exchange(self._real, self._stands)
        if found != self._known or counts(self._real) != self._left:
            self._exchange(self._stands, self._real)
            self._look()
            self._known = found
        self._dates.put()

    def _complete(self) -> None:
        """Take in functions that somebody else had replaced until now, as freezegun does."""
        more = list(stand_ins(self._names))
        if more:
            self._names.update(each.__name__ for each in more)
            self._stands += more
            self._real += [each.real for each in more]
            del more
            self._known_stands = counts(self._stands)

    def _look(self) -> None:
        """Search for all places, and exchange what is there."""
        # Most of the functions nobody has but the module itself; the search takes so much less.
        found = counts(self._real)
        wanted = [each for each, count in zip(self._real, found, strict=True) if count > min(found)]
        self._places = [in_module_of_time(), *places_of(wanted)]
        self._exchange(self._real, self._stands)
        del wanted
        self._left = counts(self._real)

    def _take(self) -> None:
        self._exchange(self._stands, self._real)
        self._dates.take()
        if counts(self._stands) != self._known_stands:
            more = places_of(self._stands)
            for exchange in more:
                exchange(self._others(self._stands, self._real))
            self._known_stands = counts(self._stands)

    def _exchange(self, old: list[Any], new: list[Any]) -> None:
        others = self._others(old, new)
        for exchange in self._places:
            exchange(others)

    @staticmethod
    def _others(old: list[Any], new: list[Any]) -> dict[int, Any]:
        return {id(each): other for each, other in zip(old, new, strict=True)}


class _Hold:
    def __init__(self, held: Clocks) -> None:
        self._held: Clocks | None = held

    def release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.release()
