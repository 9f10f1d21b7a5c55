"""Explores one combination of forms, and says what came of its call."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

import requests
from flask import Flask

from flask_filibuster import FaultModel, Result, explore
from tests.support import weather
from tests.support.forms import Form
from tests.support.forms.clients import Ask
from tests.support.forms.mocks import Replace
from tests.support.forms.places import Make, Place
from tests.support.forms.threads import Run

REFUSALS = FaultModel(exceptions=("ConnectionError",), default_statuses=())


@dataclass(frozen=True)
class Combination:
    """One way to make one call.

    :ivar before: whether the mock is in place before the exploration begins.
    :ivar beside: whether the app makes another, ordinary call.
    :ivar careful: whether the application does without the call, if it fails.
    """

    client: Form[Ask]
    mock: Form[Replace]
    place: Form[Make]
    thread: Form[Run]
    before: bool = False
    beside: bool = True
    careful: bool = True


@dataclass
class Tried:
    """What came of a combination.

    :ivar result: the result of the exploration.
    :ivar url: the URL of the call.
    :ivar ends: how the call ended, in each execution: its status or its error.
    """

    combination: Combination
    result: Result
    url: str
    ends: list[list[Any]] = field(default_factory=list)

    @property
    def made(self) -> int:
        """The number of calls in the fault-free execution.

        A stand-in for one way to use a client may not fit another, which then makes no call.
        """
        misfits = (TypeError, AttributeError, pickle.PicklingError)
        return sum(not isinstance(end, misfits) for end in (self.ends[0] if self.ends else ()))

    @property
    def has_failed(self) -> bool:
        """Whether a fault was injected in the call, and the application has seen it."""
        failed = any(
            call.fault is not None and call.url.startswith(self.url)
            for execution in self.result.executions
            if execution.verdict != "inconclusive"
            for call in execution.trace.invocations
        )
        return failed and any(isinstance(end, Exception) for each in self.ends[1:] for end in each)

    @property
    def is_broken(self) -> bool:
        """Whether the call fails without a fault, and the report says that this proves nothing."""
        errors = [str(end) for end in self.ends[0] if isinstance(end, Exception)]
        return any(error in gap for error in errors for gap in self.result.gaps)

    @property
    def named(self) -> list[str]:
        """Where the report names the call."""
        result = self.result
        said = [*result.notes, *result.gaps, *result.weakens, *map(str, result.unexplored)]
        place = self.url.partition("//")[2].partition("/")[0]
        words = (place, "tests/support/forms/clients.py:", "is replaced, and its calls cannot fail")
        return [each for each in said if any(word in each for word in words)]


def tried(combination: Combination, real: str) -> Tried:
    """Explore it, and leave none of the contexts that Flask does not leave.

    :param real: the URL of a server of this machine.
    """
    return copy_context().run(_tried, combination, real)


def _tried(combination: Combination, real: str) -> Tried:
    combination.thread.make(lambda: None)  # Threads of the module begin when it is imported.
    with contextlib.ExitStack() as stack:
        stack.callback(setattr, weather, "URL", weather.URL)
        if combination.before:
            url = stack.enter_context(combination.mock.make(real))
            return _explored(combination, lambda: contextlib.nullcontext(url))
        return _explored(combination, lambda: combination.mock.make(real))


def _explored(combination: Combination, replace: Callable[[], Any]) -> Tried:
    found = Tried(combination, Result(), "")

    def ask() -> Any:
        try:
            end = combination.client.make(found.url)
        except NotImplementedError:
            raise
        except Exception as error:
            found.ends[-1].append(error)
            if not combination.careful:
                raise
            return 0
        found.ends[-1].append(end)
        return end

    place = _place(combination.place, lambda: combination.thread.make(ask))
    services = {"http://callee:1": _callee()}

    def test() -> None:
        found.ends.append([])
        with replace() as found.url:
            _reach(place, beside=combination.beside)

    found.result = explore(test, services, REFUSALS, check_determinism=False)
    return found


def _callee() -> Flask:
    callee = Flask("callee")
    callee.add_url_rule("/other", "other", lambda: "fine")
    return callee


def _place(form: Form[Make], call: Callable[[], Any]) -> Place:
    app = Flask("caller")
    app.secret_key = "no secret"
    app.add_url_rule("/", "index", lambda: "fine")
    return form.make(app, call) or Place(app)


def _reach(place: Place, *, beside: bool) -> None:
    if beside:
        shop = Flask("shop")
        shop.add_url_rule("/", "index", _other)
        shop.test_client().get("/")
    with contextlib.suppress(requests.RequestException):
        if place.run is not None:
            place.run()
        else:
            response = place.app.test_client().get(place.path)
            assert response.data is not None
            response.close()


def _other() -> str:
    import httpx

    try:
        return httpx.get("http://callee:1/other", timeout=1).text
    except httpx.HTTPError:
        return "none"
