"""Driving a search whose executions are functions: simulated, or given."""

from __future__ import annotations

from collections.abc import Callable

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploring.exploration import Exploration, Search
from flask_filibuster.results.execution import Observation
from flask_filibuster.results.result import Result


class Unobserved:
    """A session of executions that nothing but their observations is known of."""

    def completed(self, result: Result) -> Result:
        return result


def run_all(search: Search, run: Callable[[FaultSet], Observation]) -> Result:
    """Explore to the end.

    :param search: the search.
    :param run: runs the test once under a fault set.
    """
    exploration = Exploration("a function", search, Unobserved())
    while (faults := exploration.begin()) is not None:
        exploration.end(run(faults))
    return exploration.result()
