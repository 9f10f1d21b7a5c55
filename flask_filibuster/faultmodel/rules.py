"""The rules of fault models: the faults of matching calls to matching services."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import REQUESTS, Fault
from flask_filibuster.faultmodel.selection import Selection

EVERY_CALL = re.compile(r"requests\.")
"""Every call of a client of this project. The prototypes read it as every call of requests, the
only client that they know."""

_RANK = attrgetter("kind.rank")


class Narrowing(Protocol):
    """Knows the routes of a service."""

    def of(self, call: Call, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """Those of the faults that can happen to a call."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The faults of matching calls.

    :ivar calls: matches ``module.method`` of the calls from its start.
    :ivar faults: the faults of these calls; each is used if it applies to the call.
    :ivar service: matches the service reached from its start; ``None``: any service.
    :ivar restriction: a property that the call must have, by its name in analysis files.
    :ivar routes: the routes of the service, which limit its faults; ``None``: all are alike.
    :ivar is_default: whether it applies only to services that no other rule names.
    :ivar only: the calls that it applies to, by further properties; ``None``: all that match.
    :ivar instead: whether other rules without ``instead`` do not apply to the calls that it fits.
    """

    calls: re.Pattern[str]
    faults: tuple[Fault, ...]
    service: re.Pattern[str] | None = None
    restriction: str | None = None
    is_default: bool = False
    routes: Narrowing | None = None
    only: Selection | None = None
    instead: bool = False

    def names(self, service: str) -> bool:
        """Whether the rule names this service."""
        return self.service is not None and self.service.match(service) is not None

    def faults_for(self, call: Call) -> tuple[Fault, ...]:
        """The faults of a call that the rule fits."""
        return self.faults if self.routes is None else self.routes.of(call, self.faults)

    def fits(self, call: Call) -> bool:
        """Whether the rule matches this call, without regard to the service."""
        if self.restriction is not None and not self._allows(call):
            return False
        if self.only is not None and not self.only.has(call):
            return False
        if self.calls.pattern == EVERY_CALL.pattern and call.library != REQUESTS:
            return True
        api = call.api or f"requests.{call.method.lower()}"
        return self.calls.match(api) is not None

    def _allows(self, call: Call) -> bool:
        """Whether the call has the property; none has one of an unknown name."""
        if self.restriction == "timeout":
            return call.has_timeout
        return self.restriction == "ssl" and call.url.startswith("https:")


def faults_of(rules: tuple[Rule, ...], call: Call) -> tuple[Fault, ...]:
    """The faults of a call by these rules, each once.

    :returns: the faults by rank; within a rank, in the order of the rules.
    """
    about = [rule for rule in rules if rule.service is None or rule.service.match(call.target)]
    is_named = any(rule.service is not None for rule in about)
    fitting = [rule for rule in about if not (rule.is_default and is_named) and rule.fits(call)]
    instead = [rule for rule in fitting if rule.instead]
    # Of each call that an exploration meets first: a generator would resume for each fault.
    faults = [
        fault
        for rule in instead or fitting
        for given in rule.faults_for(call)
        for fault in given.expand(call)
        if fault.applies_to(call)
    ]
    return tuple(sorted(dict.fromkeys(faults), key=_RANK))
