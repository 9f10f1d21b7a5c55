"""The subject for a test function of this process."""

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
from flask_filibuster.errors import LoginError, SetupError
from flask_filibuster.exploring.session import Session, Surroundings, surroundings
from flask_filibuster.exploring.subjects.base import Portable, Setting
from flask_filibuster.journal.recorder import SourcesOf
from flask_filibuster.options.table import Services
from flask_filibuster.results.execution import Observation
from flask_filibuster.sources.dependencies import ReadSources, SourceFiles


def services_of(source: Services) -> dict[str, Any]:
    """The services by base URL.

    :raises SetupError: the name cannot be imported, or the value is not a mapping.
    """
    services: Any = source
    if isinstance(services, str):
        if ":" not in services:
            raise SetupError(f"services is {source!r}; write it as 'module:name'")
        try:
            services = import_string(services)
        except ImportStringError as error:
            raise SetupError(f"cannot import services {source!r}: {error.exception}") from error
    if callable(services) and not isinstance(services, Mapping) and _needs_nothing(services):
        services = services()
    if services is not None and not isinstance(services, Mapping):
        raise SetupError(
            f"services is {source!r}; it must be a mapping of apps by base URL, like "
            "{'http://bookings:5003': bookings_app}, a function that returns one, or 'module:name' "
            "of either"
        )
    return dict(services or {})


def _needs_nothing(function: Callable[..., Any]) -> bool:
    """Whether it can be called without arguments; an app cannot."""
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    except ValueError:  # A function of C may have no signature.
        pass
    return True


def run_once(
    test: Callable[[], object], session: Session, faults: FaultSet, around: Surroundings
) -> Observation:
    """Run the test under one fault set."""
    error: BaseException | None = None
    with session.execution(faults, around) as execution:
        try:
            outcome = test()
        except (KeyboardInterrupt, GeneratorExit, LoginError):
            raise
        except BaseException as raised:  # noqa: BLE001 - pytest's outcomes are no Exceptions
            # Neither is SystemExit, by which an app must not end its own exploration.
            error = raised
        else:
            # Nearly all tests return nothing, and the questions take longer than this comparison.
            if outcome is not None and (
                inspect.isawaitable(outcome) or inspect.isasyncgen(outcome)
            ):
                close = getattr(outcome, "close", None)
                if close is not None:
                    close()
                raise SetupError(
                    f"{test!r} is asynchronous, so calling it runs nothing; "
                    "wrap it: explore(lambda: asyncio.run(test()), …)"
                )
    return session.observe(execution, error)


def sources_behind(
    around: Surroundings,
    test: object,
    extra: list[str] | None = None,
    read: ReadSources | None = None,
) -> SourcesOf:
    """A function that returns the source files of an execution in this process.

    :param around: its services.
    :param test: the functional test; a test of this package has no files.
    :param extra: paths of other files that the test depends on.
    :param read: the sources that other tests have read.
    """
    sources, more = SourceFiles(around.by_name, read), extra or []
    sources.read(test, extra=more)
    return lambda trace: sources.of(trace, test, extra=more)


class FunctionSubject:
    """A function that makes requests and asserts, with services of this process.

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
        """Nothing: a replay gets the function as an argument."""
        return {}

    def replay_command(self, path: Path) -> str:
        """The call of ``replay``."""
        return f"flask_filibuster.replay(test, Counterexample.read({str(path)!r}), services)"

    def identity(self, *, unique: bool) -> str:
        """Its name, which is unique only for a function of a module.

        :raises SetupError: the name must be unique, but is not.
        """
        name = getattr(self._test, "__qualname__", None)
        if unique and not (inspect.isfunction(self._test) and name and "<" not in name):
            raise SetupError(
                f"{self._test!r} has no unique name for the journal; "
                "give it one: explore(…, name=…)"
            )
        return self.words

    @contextmanager
    def ready(self, settle: float | None = None) -> Iterator[Setting]:
        """Join its services.

        :param settle: time to wait for threads and calls after each execution, in seconds.
        :raises SetupError: the name cannot be imported, or the value is not a mapping.
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
            raise RuntimeError("the services exist only inside ready()")
        return self._open

    def run(self, faults: FaultSet) -> Observation:
        """Call the function once.

        :raises SetupError: it is asynchronous.
        """
        session, around = self._ready
        return run_once(self._test, session, faults, around)

    def timed(self, faults: FaultSet) -> tuple[float, Observation]:
        """Call the function once, and return its own duration, in seconds."""
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
        """Nothing besides the observation."""
        return ""

    def sources(self, *, needed: bool) -> SourcesOf:  # noqa: ARG002 - always known
        """The files of the services reached, and of the function."""
        return sources_behind(self._ready[1], self._test)

    def beside(self) -> Portable:
        """Other processes call the function, if they can import it."""
        session, _ = self._ready
        return Portable(self._test, self._source, self._settle, session.is_virtual)
