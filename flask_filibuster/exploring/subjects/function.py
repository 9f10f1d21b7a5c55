"""A functional test that is a function of this process, as a subject."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import Signals
from typing import Any

from werkzeug.utils import ImportStringError, import_string

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import SetupError
from flask_filibuster.exploring.session import Session, Surroundings, surroundings
from flask_filibuster.exploring.subjects.base import Portable, Setting
from flask_filibuster.journal.recorder import SourcesOf
from flask_filibuster.options.table import Services
from flask_filibuster.results.execution import Observation
from flask_filibuster.sources.dependencies import SourceFiles


def services_of(source: Services) -> dict[str, Any]:
    """The services that are meant.

    :raises SetupError: there are none of that name, or they are no mapping.
    """
    services: Any = source
    if isinstance(services, str):
        if ":" not in services:
            raise SetupError(f"services is {source!r}; write it as 'module:name'")
        try:
            services = import_string(services)
        except ImportStringError as error:
            raise SetupError(f"services {source!r} cannot be found: {error.exception}") from error
    if callable(services) and not isinstance(services, Mapping):
        services = services()
    if services is not None and not isinstance(services, Mapping):
        raise SetupError(
            f"services is {source!r}; it must be a mapping of apps by base URL, a function that "
            "returns one, or 'module:name' of either"
        )
    return dict(services or {})


def run_once(
    test: Callable[[], object], session: Session, faults: FaultSet, around: Surroundings
) -> Observation:
    """Run the test under one fault set."""
    error: BaseException | None = None
    with session.execution(faults, around) as execution:
        try:
            outcome = test()
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as raised:  # noqa: BLE001 - pytest's outcomes are no Exceptions
            # Nor is SystemExit, with which an app must not end the exploration of it.
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


def sources_behind(around: Surroundings, test: object, extra: list[str] | None = None) -> SourcesOf:
    """The source files that stand behind an execution in this process.

    :param around: its services.
    :param test: the functional test; one of this package has no code that could change.
    :param extra: paths of other files that the test depends on.
    """
    sources, more = SourceFiles(around.by_name), extra or []
    sources.read(test, extra=more)
    return lambda trace: sources.of(trace, test, extra=more)


class FunctionSubject:
    """A function that makes requests and asserts, among services of this process.

    :param test: the function.
    :param services: apps by base URL, or where to find them.
    """

    ending: tuple[Signals, ...] = ()

    def __init__(self, test: Callable[[], object], services: Services = None) -> None:
        self._test = test
        self._source = services
        self._open: tuple[Session, Surroundings] | None = None
        self._settle = 0.0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.words!r}>"

    @property
    def words(self) -> str:
        """Module and name of the function."""
        module, name = (getattr(self._test, each, None) for each in ("__module__", "__qualname__"))
        kind = type(self._test)
        return f"{module or kind.__module__}.{name or kind.__qualname__}"

    @property
    def details(self) -> Mapping[str, Any]:
        """Nothing: whoever replays it has the function."""
        return {}

    def replay_command(self, path: Path) -> str:
        """The call of ``replay``."""
        return f"flask_filibuster.replay(test, Counterexample.read({str(path)!r}), services)"

    def identity(self, *, unique: bool) -> str:
        """Its name; only a function of a module has one that no other test has.

        :raises SetupError: it must be unique, and is not.
        """
        name = getattr(self._test, "__qualname__", None)
        if unique and not (inspect.isfunction(self._test) and name and "<" not in name):
            raise SetupError(
                f"{self._test!r} has no name by which it could be told from other tests in the "
                "journal; give it one: explore(…, name=…)"
            )
        return self.words

    @contextmanager
    def ready(self, settle: float | None = None) -> Iterator[Setting]:
        """Join its services.

        :param settle: how long to wait for what is under way after each execution, in seconds.
        :raises SetupError: there are none of that name, or they are no mapping.
        """
        services = services_of(self._source)
        with surroundings(services) as around:
            self._settle = around.config.timeout if settle is None else settle
            session = Session(timeout=self._settle)
            self._open = session, around
            try:
                yield Setting(services, around.config, session)
            finally:
                self._open = None

    @property
    def _ready(self) -> tuple[Session, Surroundings]:
        if self._open is None:
            raise RuntimeError("the services are there only within ready()")
        return self._open

    def run(self, faults: FaultSet) -> Observation:
        """Call the function once.

        :raises SetupError: it is asynchronous.
        """
        session, around = self._ready
        return run_once(self._test, session, faults, around)

    def timed(self, faults: FaultSet) -> tuple[float, Observation]:
        """Call the function once, and measure it alone, in seconds."""
        session, around = self._ready
        took: list[float] = []

        def test() -> object:
            began = time.perf_counter()
            try:
                return self._test()
            finally:
                took.append(time.perf_counter() - began)

        observation = run_once(test, session, faults, around)
        return took[0], observation

    def kept(self, observation: Observation) -> str:  # noqa: ARG002 - there is nothing else
        """The observation is all there is."""
        return ""

    def sources(self, *, needed: bool) -> SourcesOf:  # noqa: ARG002 - always known
        """The files of the services that took part, and of the function."""
        return sources_behind(self._ready[1], self._test)

    def beside(self) -> Portable:
        """Other processes call the function, if they can import it."""
        return Portable(self._test, self._source, self._settle)
