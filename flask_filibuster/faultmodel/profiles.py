"""The profiles: named choices of faults, from few to all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask_filibuster.core.fault import Fault
from flask_filibuster.core.vocabulary import ProfileName
from flask_filibuster.faultmodel.selection import FaultsOf


@dataclass(frozen=True, slots=True)
class Profile:
    """A named choice of faults, beside the statuses of each route.

    :ivar exceptions: names of the exceptions of every call.
    :ivar faults: further faults.
    :ivar alone: further faults, tried with no others than those needed to reach their call.
    :ivar outages: whether it tries outages.
    """

    exceptions: tuple[str, ...]
    faults: tuple[Fault | FaultsOf, ...] = ()
    alone: tuple[Fault, ...] = ()
    outages: bool = False


_EXCEPTIONS = ("ConnectionError", "Timeout")
_LOST = FaultsOf(Fault("Timeout", abort=False), writes=True)
_STANDARD: Final[tuple[Fault | FaultsOf, ...]] = (
    _LOST,
    Fault.of("gateway page"),
    Fault.of("retry later"),
    Fault.of("key missing"),
    Fault.of("value null"),
)
_ALONE: Final = (
    Fault.of("body cut short"),
    *(Fault.of(name) for name in ("not JSON", "HTML page", "empty body", "credential expired")),
    *(Fault.of("other success", status=status) for status in (202, 204)),
    Fault.of("not decodable"),
    Fault.of("retry later", after=-60, form="date"),
    *(Fault.of(name) for name in ("certificate not trusted", "connect timeout")),
    Fault.of("duplicate item"),
)
_THOROUGH: Final[tuple[Fault | FaultsOf, ...]] = (
    *(Fault.of(name) for name in ("name not resolved", "proxy unreachable")),
    *(Fault.of(name) for name in ("tunnel refused", "reset", "closed without an answer")),
    FaultsOf(Fault.of("closed without an answer", abort=False), writes=True),
    *(Fault.of("gateway page", status=status) for status in (503, 504)),
    *(Fault.of("retry later", after=after) for after in (0, 86_400)),
    Fault.of("retry later", after=2, form="date"),
    Fault.of("retry later", status=503),
    Fault.of("credential expired", status=403),
    *(Fault.of("redirected", to=to) for to in ("login page", "itself", "dead host")),
    FaultsOf(Fault.of("redirected", to="same URL"), writes=True),
    Fault.of("body cut short", at=0),
    Fault.of("body cut short", at="last byte"),
    *(Fault.of(name) for name in ("body stalled", "body drips", "answer late")),
    Fault.of("content type"),
    Fault.of("not decodable", encoding="charset"),
    *(Fault.of(name) for name in ("value of another type", "empty list", "extra nesting")),
    *(Fault.of(name) for name in ("unknown value", "items out of order")),
    Fault.of("huge number"),
)

PROFILES: Final[Mapping[ProfileName, Profile]] = {
    "quick": Profile(_EXCEPTIONS),
    "standard": Profile(_EXCEPTIONS, _STANDARD, _ALONE, outages=True),
    "thorough": Profile(_EXCEPTIONS, (*_STANDARD, *_ALONE, *_THOROUGH), outages=True),
}
