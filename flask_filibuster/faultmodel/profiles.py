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
    """

    exceptions: tuple[str, ...]
    faults: tuple[Fault | FaultsOf, ...] = ()


_LOST = FaultsOf(Fault("Timeout", abort=False), writes=True)
PROFILES: Final[Mapping[ProfileName, Profile]] = {
    "quick": Profile(("ConnectionError", "Timeout")),
    "standard": Profile(("ConnectionError", "Timeout"), (_LOST, Fault.of("body cut short"))),
    "thorough": Profile(
        ("ConnectionError", "ConnectTimeout", "ReadTimeout", "SSLError", "ProxyError"),
        (_LOST, *(Fault.of("body cut short", at=at) for at in (0.0, 0.5, 0.99))),
    ),
}
