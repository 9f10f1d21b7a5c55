"""The rules that fault models are made of: which calls, reaching which services, can fail so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import REQUESTS, Fault
from flask_filibuster.errors import FaultModelError

EVERY_CALL = re.compile(r"requests\.")
"""Every call of a client of this project. Prototypes read it as every call of requests, the only
client that they know."""

MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Rule:
    """Calls that match can fail in one of these ways.

    :ivar calls: matches ``module.method`` of the calls from its start.
    :ivar faults: how they can fail, as far as each fault can happen to the call.
    :ivar service: matches the service reached from its start; ``None``: any service.
    :ivar restriction: a property that the call has to have, by its name in analysis files.
    :ivar is_default: whether it is for services only that no other rule names.
    """

    calls: re.Pattern[str]
    faults: tuple[Fault, ...]
    service: re.Pattern[str] | None = None
    restriction: str | None = None
    is_default: bool = False

    def names(self, service: str) -> bool:
        """Whether it is about this service in particular."""
        return self.service is not None and self.service.match(service) is not None

    def fits(self, call: Call) -> bool:
        """Whether it is about calls like this one, whichever service they reach."""
        if self.restriction == "timeout" and not call.has_timeout:
            return False
        if self.restriction == "ssl" and not call.url.startswith("https:"):
            return False
        if self.restriction not in (None, "timeout", "ssl"):
            return False
        if self.calls.pattern == EVERY_CALL.pattern and call.library != REQUESTS:
            return True
        api = call.api or f"requests.{call.method.lower()}"
        return self.calls.match(api) is not None


def faults_of(rules: tuple[Rule, ...], call: Call) -> tuple[Fault, ...]:
    """How a call can fail by these rules, each fault once.

    :returns: the faults by rank; those of one rank in the order of the rules.
    """
    about = [rule for rule in rules if rule.service is None or rule.service.match(call.target)]
    is_named = any(rule.service is not None for rule in about)
    faults = dict.fromkeys(
        fault
        for rule in about
        if not (rule.is_default and is_named) and rule.fits(call)
        for fault in rule.faults
        if fault.applies_to(call)
    )
    return tuple(sorted(faults, key=lambda fault: fault.rank))


@lru_cache(maxsize=256)
def pattern_of(text: str) -> re.Pattern[str]:
    """Compile a regular expression.

    :raises FaultModelError: it is none.
    """
    try:
        return re.compile(text)
    # of "a{99999999999}", of "(" 500 times, and of what the app has turned into errors
    except (re.error, OverflowError, RecursionError, Warning) as error:
        shown = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
        raise FaultModelError(f"{shown!r} is not a regular expression: {error}") from error
