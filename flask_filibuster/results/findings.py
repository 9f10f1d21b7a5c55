"""Findings: reports of oracles, which need no assertion of the test."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Final

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import Severity

# The names of the oracles that other rooms refer to.
UNCAUGHT: Final = "uncaught exception"
SERVER_ERROR: Final = "answer 500"
NO_TIMEOUT: Final = "no timeout"
NO_READ_TIMEOUT: Final = "no read timeout"
SHORT_TIMEOUT: Final = "timeout too short"
REPEATED: Final = "repeated call"
NONDETERMINISM: Final = "nondeterminism"
RETRY_WITHOUT_END: Final = "retry without end"
TOO_LONG: Final = "wait too long"
UNENDING: Final = "calls without end"
REDUCTION: Final = "reduction does not hold"
LONGEST_MESSAGE: Final = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of an oracle.

    :ivar kind: name of the oracle, or the oracle's name for the finding.
    :ivar message: the finding in a sentence.
    :ivar service: the service it is about.
    :ivar site: where in the application.
    :ivar faults: the smallest fault set that shows it; empty for what needs none.
    :ivar executions: numbers of the executions that show it.
    :ivar severity: ``"error"``: it is a bug; ``"warning"``: it asks for one; ``"note"``.
    """

    kind: str
    message: str
    service: str
    site: CallSite | None
    faults: FaultSet
    executions: tuple[int, ...]
    severity: Severity

    @property
    def broken(self) -> bool:
        """Whether this is a bug of the service, and does not only ask for one."""
        return self.severity == "error"


def shortened(message: str) -> str:
    """The beginning of a message: those of requests wrap two or three others."""
    return textwrap.shorten(message, LONGEST_MESSAGE, placeholder=" …")
