"""Explorations with tests and services in other processes, any number in parallel."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from flask_filibuster.config import Config
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import WireError
from flask_filibuster.exploring.driven.exploration import DrivenExploration
from flask_filibuster.exploring.exploration import Exploration, OneExecution, Search
from flask_filibuster.exploring.options import SENT, Options
from flask_filibuster.exploring.session import Session
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.protocol.reading import optional_text
from flask_filibuster.protocol.records import read_fault_set, write_trace
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.outcomes import write_outcome
from flask_filibuster.results.result import Result
from flask_filibuster.server.conductor import OutOfTurnError, UnknownExplorationError, Verdict
from flask_filibuster.server.embedded import EmbeddedServer

UNNAMED = ""
MOST_KEPT = 50
MOST_OPEN = 1000
Told = Callable[[str, Execution], None]


class Coordinator:
    """Runs explorations for drivers in any process and any language.

    :param options: the options that a driver doesn't give.
    :param config: supplies the options that are not given at all.
    :param told: called after each execution, with the name of its exploration.
    :ivar embedded: the server of the services.
    :ivar options: as above, with the analysis file that a driver has sent.
    :ivar config: as above.
    """

    def __init__(
        self,
        options: Options | None = None,
        config: Config | None = None,
        *,
        told: Told | None = None,
    ) -> None:
        self._told = told
        self.embedded = EmbeddedServer()
        self.options = options or Options()
        self.config = config or Config()
        self._explorations: dict[str, DrivenExploration] = {}
        self._watched: list[Exploration] = []
        self._terminated = False
        self._lock = threading.Lock()

    def begin(self, options: Mapping[str, Any]) -> str:
        """Open an exploration; see :class:`Conductor`.

        :raises FilibusterError: an option is invalid.
        """
        name = optional_text(options.get("name"), "name") or "exploration"
        faults = options.get("faults")
        if faults is None:
            return self.open(name, options=self._chosen(options)).name
        return self.open(name, read_fault_set(faults)).name

    def open(
        self, name: str, faults: FaultSet | None = None, *, options: Options | None = None
    ) -> DrivenExploration:
        """Open an exploration.

        :param name: its name, which gets a unique suffix.
        :param faults: the only fault set to run; ``None``: all that can show something new.
        :param options: its options; by default, those of the coordinator.
        :raises FilibusterError: an option is invalid.
        """
        search: Search = (
            self._search(options or self.options) if faults is None else OneExecution(faults)
        )
        return self._open(f"{name[:200]} {uuid.uuid4().hex[:8]}", search)

    def watch(self, exploration: Exploration) -> None:
        """Include an exploration of this process in :meth:`describe`."""
        self._watched.append(exploration)

    def _chosen(self, options: Mapping[str, Any]) -> Options:
        """The driver's options, with the coordinator's for those that it doesn't give."""
        given = {name: options[name] for name in SENT if options.get(name) is not None}
        if not all(isinstance(value, str | int | float) for value in given.values()):
            raise WireError("an option must be a string or a number")
        if options.get("analysis") is not None:
            given["faults"] = FaultModel.from_analysis(options["analysis"], foreign=True)
        return replace(self.options, **given)

    def _search(self, options: Options) -> Search:
        return options.explorer({}, self.config)

    def _as_by_the_protocol(self) -> Options:
        """The options of drivers that expect only the executions of the search."""
        determinism = self.options.check_determinism or False
        return replace(self.options, check_determinism=determinism)

    def _open(self, key: str, search: Search) -> DrivenExploration:
        session = Session(timeout=self.config.timeout, server=self.embedded, describes=True)
        exploration = DrivenExploration(key, search, session)
        with self._lock:
            over = [name for name, each in self._explorations.items() if each.over]
            for name in over[: max(0, len(self._explorations) - MOST_KEPT)]:
                del self._explorations[name]
            if len(self._explorations) >= MOST_OPEN:
                raise OutOfTurnError(f"{MOST_OPEN} explorations are open; end some of them first")
            self._explorations[key] = exploration
        return exploration

    def exploration(self, name: str) -> DrivenExploration:
        """An exploration by its name.

        :raises UnknownExplorationError: there is none.
        """
        exploration = self._explorations.get(name)
        if exploration is None:
            raise UnknownExplorationError(f"unknown exploration {name[:300]!r}")
        return exploration

    def has_next(self, number: int, exploration: str) -> FaultSet | None:
        """Begin execution ``number`` and return its faults; see :class:`Conductor`."""
        if self._terminated:
            return None
        if exploration == UNNAMED and number == 1:
            known = self._explorations.get(UNNAMED)
            if known is not None and (known.over or known.executed):
                known.abandon()
                known = None
            if known is None:
                self._open(UNNAMED, self._search(self._as_by_the_protocol()))
        return self.exploration(exploration).has_next(number)

    def complete(self, number: int, exploration: str, verdict: Verdict) -> dict[str, Any]:
        """End execution ``number``; see :class:`Conductor`."""
        known = self.exploration(exploration)
        execution = known.complete(number, verdict)
        if self._told is not None:
            self._told(known.exploration.words, execution)
        return {
            "verdict": execution.verdict,
            "problems": list(execution.problems),
            "purpose": execution.purpose,
            "counted": known.exploration.counted,
            "trace": write_trace(execution.trace),
        }

    def remaining(self, exploration: str) -> int:
        """Number of planned executions."""
        known = self._explorations.get(exploration)
        if known is None or known.over or self._terminated:
            return 0
        return known.waiting

    def outcome(self, exploration: str) -> dict[str, Any]:
        """The result of the exploration without its executions, as plain data."""
        return write_outcome(self.result(exploration))

    def result(self, exploration: str) -> Result:
        """The result so far."""
        known = self.exploration(exploration)
        result = known.result()
        if self._terminated and not known.over:
            return result.incomplete("The server was terminated before the end of the exploration.")
        return result

    def end(self, exploration: str) -> None:
        """Begin no further executions of this exploration."""
        self.exploration(exploration).abandon()

    def adopt(self, request_id: str, exploration: str) -> bool:
        """Assign a request to the execution under way; ``False`` if there is none."""
        current = self.exploration(exploration).under_way
        if current is None:
            return False
        self.embedded.adopt(request_id, current.execution)
        return True

    def terminate(self) -> None:
        """Begin no further executions."""
        self._terminated = True

    def use_analysis(self, content: Any) -> None:
        """Set the fault model of later explorations."""
        model = FaultModel.from_analysis(content, foreign=True)
        self.options = replace(self.options, faults=model)

    def _driven(self) -> list[DrivenExploration]:
        return list(self._explorations.values())

    def describe(self) -> dict[str, Any]:
        """The explorations and their progress, as plain data."""
        explorations = [*self._watched, *(each.exploration for each in self._driven())]
        return {
            "terminated": self._terminated,
            "explorations": [each.describe() for each in explorations],
        }
