"""Which outages the search opens, after each call's faults and before their combinations.

An outage is opened for each service, and for each call site of a service with several, in the first
execution that reaches it: the fault-free one, or one whose faults lead there (a fallback). It
differs from the fault of a single call only if more calls follow, so a service that is called once
and never retried has none. The faults are those that the model has for all of its calls, one of
each *nature*: an exception, a timeout, a status of 4xx and of 5xx, every other kind; two of one
nature only if a single call's fault shows that the application treats them in different ways.

An outage that failed three calls or more is followed by *flapping*: only the first two fail, and
all but the last one. Which calls are the first is chance if threads make them at once; then there
is no flapping.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from flask_filibuster.core.bounds.unending import was_ended
from flask_filibuster.core.call import Call, Outage, Site, place_of_url, site_of
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, FaultsInOrder, PlannedFault
from flask_filibuster.results.execution import SEARCH, Execution
from flask_filibuster.search.ledger import Ledger

logger = logging.getLogger(__name__)

Opening = tuple[FaultSet, PlannedFault]
"""An outage, and the faults that lead to its first call."""

_FLAPPING = 3
"""Calls that an outage fails at least before flapping is something new."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """The calls of one outage: of a service, or of one call site."""

    outage: Outage
    calls: tuple[Call, ...]


class Outages:
    """Finds the outages to open.

    :param ledger: the executions so far.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._looked_at = 0
        self._known: dict[tuple[str, Site | None], Outage] = {}
        self._flapped: set[tuple[object, ...]] = set()
        # Hosts with ports, and the services that answered there.
        self._answering: dict[str, set[str]] = {}

    def __repr__(self) -> str:
        return f"<Outages of {len(self._known)} services and call sites>"

    def found(self) -> list[Opening]:
        """The outages that the executions since the last look give rise to."""
        executions = self._ledger.executions
        new, self._looked_at = executions[self._looked_at :], len(executions)
        for each in new:
            for call in each.trace.invocations:
                self._answering.setdefault(place_of_url(call.url)[0], set()).add(call.target)
        return [
            opening
            for each in new
            if each.verdict != "inconclusive"
            and each.purpose == SEARCH
            and not each.faults.is_flapping
            for opening in (*self._reached(each), *self._flapping(each))
        ]

    def _reached(self, execution: Execution) -> Iterator[Opening]:
        """The outages of what an execution reaches for the first time."""
        for scope in self._scopes(execution):
            for fault in self._natures(scope.calls):
                planned = PlannedFault(scope.calls[0], fault, scope.outage)
                if not self._is_single(execution.faults.plus(planned)):
                    logger.debug("opened: %s", planned)
                    yield execution.faults, planned

    def _scopes(self, execution: Execution) -> Iterator[_Scope]:
        """The services and call sites that an execution reaches for the first time."""
        services: dict[str, list[Call]] = {}
        for call in _after_faults(execution):
            if call.source:
                services.setdefault(call.target, []).append(call)
        # The outage of a service has the calls that follow its own faults.
        failed = {call.target for call, _ in execution.injected}
        for service in [each for each in services if each not in failed]:
            calls, sites = services[service], _by_site(services[service])
            whole = self._known.get((service, None))
            if whole is None:
                outage = self._known[service, None] = Outage(service, self._places(calls))
                yield _Scope(outage, tuple(calls))
            else:
                outage = whole
            for site in [each for each in sites if (service, each) not in self._known]:
                of_site = self._known[service, site] = replace(outage, site=site)
                if whole is not None or len(sites) > 1:
                    yield _Scope(of_site, tuple(sites[site]))

    def _places(self, calls: list[Call]) -> tuple[str, ...]:
        """Where the service of these calls answers, and no other one does."""
        places: dict[str, None] = {}
        for call in calls:
            host, path = place_of_url(call.url)
            if host:
                alone = len(self._answering[host]) == 1
                places[host if alone else f"{host}{path}"] = None
        return tuple(places)

    def _natures(self, calls: tuple[Call, ...]) -> Iterator[Fault]:
        """The faults that apply to all of these calls, one of each nature and effect.

        Not those that are tried alone: what they show, they show of one call.
        """
        planned = self._ledger.planned
        seen: set[tuple[object, ...]] = set()
        common = [{each.fault for each in planned.of(call)} for call in calls]
        for each in planned.of(calls[0]):
            if planned.is_alone(each.fault):
                continue
            nature = _nature(each.fault), self._effect(each)
            if nature not in seen and all(each.fault in faults for faults in common):
                seen.add(nature)
                yield each.fault

    def _effect(self, planned: PlannedFault) -> object:
        """What follows a fault of a single call: the calls that are made, and how the test ends."""
        prediction = self._ledger.behaviour.predict(FaultSet((planned,)).by_index())
        return prediction.answer, tuple([call.index for call, _, _ in prediction.calls])

    def _is_single(self, faults: FaultSet) -> bool:
        """Whether the last fault, an outage, is known to fail no more than one call."""
        prediction = self._ledger.behaviour.predict(faults.by_index())
        in_order = FaultsInOrder(faults)
        failed = [call for call, _, _ in prediction.calls if in_order.of(call) is faults.last]
        return prediction.answer is not None and len(failed) < 2

    def _flapping(self, execution: Execution) -> Iterator[Opening]:
        """Flapping in place of an outage that the execution has shown."""
        if not execution.faults.has_outage:
            return
        planned = execution.faults.last
        outage = planned.outage
        if outage is None or was_ended(execution.trace):
            return
        failed = planned.failed(execution.trace.invocations)
        shown = outage, len(failed), str(execution.error)
        if len(failed) < _FLAPPING or shown in self._flapped or _in_parallel(failed, execution):
            return
        self._flapped.add(shown)
        for first in sorted({_FLAPPING - 1, len(failed) - 1}):
            flapping = PlannedFault(planned.call, planned.fault, replace(outage, first=first))
            yield execution.faults.without(planned), flapping


def _after_faults(execution: Execution) -> list[Call]:
    """The calls after the last one that failed by a fault."""
    calls = list(execution.trace.invocations)
    places = [place for place, call in enumerate(calls) if call.fault is not None]
    return calls[places[-1] + 1 :] if places else calls


def _in_parallel(calls: list[Call], execution: Execution) -> bool:
    """Whether several threads of one handler lead to these calls."""
    strands: dict[ExecutionIndex, object] = {}
    for made in calls:
        call: Call | None = made
        while call is not None:
            caller, strand = call.index.parent, call.position[:-1]
            if strands.setdefault(caller, strand) != strand:
                return True
            call = None if caller == ROOT else execution.trace.call(caller)
    return False


def _by_site(calls: list[Call]) -> dict[Site, list[Call]]:
    """The calls of each call site, without those of unknown ones."""
    sites: dict[Site, list[Call]] = {}
    for call in calls:
        site = site_of(call)
        if site is not None:
            sites.setdefault(site, []).append(call)
    return sites


def _nature(fault: Fault) -> tuple[object, ...]:
    """Faults of one nature are expected to be treated alike."""
    if fault.exception is not None and fault.is_plain:
        return ("timeout" if "Timeout" in fault.exception else "exception", fault.abort)
    if fault.status is not None and fault.is_plain:
        return fault.status // 100, fault.abort
    return fault.kind.name, fault.abort
