"""Explore a functional test: run it again and again, with its remote calls failing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask_filibuster.config import Config, check
from flask_filibuster.core.fault_model import FaultModel
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import SetupError
from flask_filibuster.exploration.counterexample import Counterexample
from flask_filibuster.exploration.explorer import Explorer, Observation
from flask_filibuster.exploration.result import Execution, Result
from flask_filibuster.testing.session import Session, Surroundings, surroundings

Progress = Callable[[Explorer, Execution], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How to explore; ``None`` is what the services' configuration says.

    :ivar faults: which calls can fail how.
    :ivar reduction: ``"exact"`` or ``"none"``.
    :ivar max_faults: largest fault set to run.
    :ivar max_executions: how many test executions to run.
    """

    faults: FaultModel | None = None
    reduction: str | None = None
    max_faults: int | None = None
    max_executions: int | None = None

    def __post_init__(self) -> None:
        if self.faults is not None and not isinstance(self.faults, FaultModel):
            raise SetupError(f"faults is {self.faults!r}; it must be a FaultModel, or None")
        for name in ("reduction", "max_faults", "max_executions"):
            value = getattr(self, name)
            if value is not None:
                check(name, value, name)

    def explorer(self, services: Mapping[str, Any], config: Config) -> Explorer:
        """The search that these options ask for.

        :param services: apps by base URL, to be read for their statuses where no fault model is
            given and none configured.
        :param config: what to use for options that are ``None``.
        """
        faults = self.faults
        if faults is None and config.analysis_file is not None:
            faults = FaultModel.from_analysis_file(config.analysis_file)
        if faults is None:
            faults = FaultModel.from_services(services)
        return Explorer(
            faults,
            reduction=self.reduction or config.reduction,
            max_faults=self.max_faults or config.max_faults,
            max_executions=self.max_executions or config.max_executions,
        )


def explore(
    test: Callable[[], object],
    services: Mapping[str, Any] | None = None,
    faults: FaultModel | None = None,
    *,
    reduction: str | None = None,
    max_faults: int | None = None,
    max_executions: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run a functional test under every set of faults that can show something new.

    The first execution has no faults; if it fails, it is the only one. Explorations in several
    threads do not see each other.

    :param test: a callable without arguments that makes requests and asserts.
    :param services: Flask (or other WSGI) apps to run in this process, by base URL. Calls to other
        hosts go where they always go.
    :param faults: which calls can fail how. ``None``: the configured analysis file, else what the
        views of ``services`` are seen to answer with, else the defaults of :class:`FaultModel`.
    :param reduction: ``"exact"``: leave out what would show nothing new; ``"none"``: run all.
        ``None`` here and below: as configured by ``FILIBUSTER_…`` in the first app that has any.
    :param max_faults: largest fault set to run (count of faults).
    :param max_executions: how many test executions to run.
    :param progress: called after each execution, with the search and the execution.
    :returns: executions, distinct failures, findings; ``result.ok`` if every execution passed.
    :raises SetupError: ``services`` or an option does not fit.
    :raises ConfigError: a ``FILIBUSTER_*`` key does not fit.
    """
    options = Options(faults, reduction, max_faults, max_executions)
    services = dict(services or {})
    with surroundings(services) as around:
        config = around.config
        explorer = options.explorer(services, config)
        session = Session(timeout=config.timeout)
        while (fault_set := explorer.next()) is not None:
            execution = explorer.learn(fault_set, run_once(test, session, fault_set, around))
            if progress is not None:
                progress(explorer, execution)
    return finished(explorer, session)


def finished(explorer: Explorer, session: Session) -> Result:
    """The result of an exploration that has come to its end."""
    result = explorer.result()
    return replace(result, notes=session.notes(result))


def run_once(
    test: Callable[[], object], session: Session, faults: FaultSet, around: Surroundings
) -> Observation:
    """Run the test under one fault set."""
    error: BaseException | None = None
    with session.execution(faults, around) as execution:
        try:
            outcome = test()
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as raised:  # noqa: BLE001 - pytest's outcomes are no Exceptions
            error = raised
        else:
            if inspect.isawaitable(outcome) or inspect.isasyncgen(outcome):
                close = getattr(outcome, "close", None)
                if close is not None:
                    close()
                raise SetupError(
                    f"{test!r} is asynchronous, so that calling it runs nothing; "
                    "wrap it: explore(lambda: asyncio.run(test()), …)"
                )
    return session.observe(execution, error)


def replay(
    test: Callable[[], object],
    counterexample: Counterexample,
    services: Mapping[str, Any] | None = None,
) -> Execution:
    """Run a functional test once, under the faults of a counterexample.

    :param test: the test that the counterexample is about.
    :param counterexample: from :meth:`Counterexample.read`.
    :param services: apps by base URL, as for :func:`explore`.
    :returns: the execution; ``"inconclusive"`` where a call that was to fail was not made.
    """
    faults = counterexample.fault_set
    services = dict(services or {})
    with surroundings(services) as around:
        session = Session(timeout=around.config.timeout)
        observation = run_once(test, session, faults, around)
    return judged(faults, observation)


def judged(faults: FaultSet, observation: Observation) -> Execution:
    """An observation outside of any search as an execution with its verdict."""
    if observation.problems:
        verdict = "inconclusive"
    else:
        verdict = "passed" if observation.error is None else "failed"
    return Execution(1, faults, observation.trace, verdict, observation.error, observation.problems)
