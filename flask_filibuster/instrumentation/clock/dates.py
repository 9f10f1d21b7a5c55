"""``datetime.now`` and ``utcnow``, which read the clock in C.

They are replaced in the class itself, so that values, subclasses and comparisons of types are as
ever, whoever has imported the class. ``today`` reads ``time.time``.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

from flask_filibuster.instrumentation.clock.reading import later

# freezegun puts another class in the place of what is an attribute of a module.
_KIND = tuple(each for each in datetime.__mro__ if each.__module__ == "datetime")

Now = Callable[..., datetime]


class Dates:
    """The two methods, replaced between :meth:`put` and :meth:`take`."""

    def __init__(self) -> None:
        # The dictionary behind the view that Python shows of a class written in C.
        (self._methods,) = gc.get_referents(vars(_KIND[0]))
        self._real: dict[str, Any] = {}

    def put(self) -> None:
        """Replace them."""
        for name, make in (("now", _now), ("utcnow", _utcnow)):
            real = self._methods[name]
            if type(real).__name__ == "classmethod_descriptor":  # And nobody else's.
                self._real[name] = real
                self._methods[name] = classmethod(make(real))
        _changed()

    def take(self) -> None:
        """Restore them."""
        self._methods.update(self._real)
        self._real.clear()
        _changed()


def _changed() -> None:
    """Tell Python, which remembers what it found in a class."""
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(_KIND[0]))


def _now(real: Any) -> Now:
    def now(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
        """Return new datetime object that represents local time, or that of a time zone."""
        more = later()
        found: datetime = real.__get__(None, cls)(tz)
        if more is None:
            return found
        if tz is None:
            return found + more
        # In the zone that applies then: the sum of a time and a zone ignores its summer time.
        return cls.fromtimestamp(found.timestamp() + more.total_seconds(), tz)

    return now


def _utcnow(real: Any) -> Now:
    def utcnow(cls: type[datetime]) -> datetime:
        """Return a new datetime that represents UTC, without a time zone."""
        more = later()
        found: datetime = real.__get__(None, cls)()
        return found if more is None else found + more

    return utcnow
