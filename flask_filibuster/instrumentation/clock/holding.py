"""The patches of virtual time, held while something is explored."""

from __future__ import annotations

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
        self._stands: list[Any] = list(stand_ins())
        self._real = [each.real for each in self._stands]
        self._dates = Dates()
        # A place that only a copy of a stand-in has, as of a module that was imported meanwhile,
        # shows in the number of references to the stand-in.
        self._places: list[Exchange] = []
        self._known = [0] * len(self._real)
        self._known_stands = counts(self._stands)

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
        found = counts(self._real)
        if found != self._known:  # Also fewer: what has gone may hide what is new.
            # Most of the functions nobody has but the module itself; the search takes so much less.
            wanted = [
                each for each, count in zip(self._real, found, strict=True) if count > min(found)
            ]
            self._places = [in_module_of_time(), *places_of(wanted)]
            self._known = found
        self._exchange(self._real, self._stands)
        self._dates.put()

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
