"""What a seed is: a function that makes a system with a bug, or its careful twin."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias

import requests
from flask import Flask
from flask.typing import ResponseReturnValue

from flask_filibuster import Fault, FaultsOf, was_fault_injected
from tests.support import seeded

MARK = "# BUG"
"""At the end of each line whose call must fail for the bug to show."""

Faults: TypeAlias = tuple[FaultsOf | Fault | int | str, ...]
View: TypeAlias = Callable[..., ResponseReturnValue]
Build: TypeAlias = Callable[[bool], "System"]


@dataclass(frozen=True, slots=True)
class System:
    """Services in one process, and a functional test of them.

    :ivar services: apps by base URL.
    :ivar test: the test.
    """

    services: Mapping[str, Flask]
    test: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Seed:
    """One known bug.

    :ivar group: the group of faults that it belongs to.
    :ivar name: the bug in a few words.
    :ivar faults: the faults that show it.
    :ivar build: makes the system: careful or not.
    :ivar is_common: whether the standard profile should find it.
    :ivar options: further options of the exploration.
    """

    group: str
    name: str
    faults: Faults
    build: Build
    is_common: bool = True
    options: Mapping[str, Any] | None = None

    @property
    def lines(self) -> frozenset[int]:
        """Numbers of the lines whose calls must fail."""
        source, first = inspect.getsourcelines(self.build)
        return frozenset(
            number for number, line in enumerate(source, first) if line.rstrip().endswith(MARK)
        )

    def __str__(self) -> str:
        return f"{self.group}: {self.name}"


def seed(
    *faults: FaultsOf | Fault | int | str, rare: bool = False, **options: Any
) -> Callable[[Build], Seed]:
    """A decorator that makes a seed of a function.

    :param faults: the faults that show the bug.
    :param rare: whether only the profile ``thorough`` should find it.
    :param options: further options of the exploration.
    """

    def make(build: Build) -> Seed:
        group = build.__module__.rpartition(".")[2].replace("_", " ")
        name = build.__name__.replace("_", " ")
        return Seed(group, name, faults, build, not rare, options)

    return make


@cache
def all_seeds() -> tuple[Seed, ...]:
    """Every seed, by group and in the order of its module."""
    modules = pkgutil.iter_modules(seeded.__path__, f"{seeded.__name__}.")
    found = (vars(import_module(each.name)).values() for each in modules)
    return tuple(each for values in found for each in values if isinstance(each, Seed))


def system(
    page: View, *, test: Callable[[], object] | None = None, method: str = "GET", **callees: Any
) -> System:
    """A shop whose page is this view, and services that it calls.

    :param page: the view of ``http://shop/``.
    :param test: the test; by default, that the page answers 200, or 503 under faults.
    :param method: the method of the page.
    :param callees: what each service answers on every path: JSON, or the result of a function of
        the path.
    """
    shop = Flask("shop")
    shop.add_url_rule("/", "page", page, methods=[method])
    services = {"http://shop": shop}
    for name, answer in callees.items():
        services[f"http://{name}"] = _service(name, answer)
    return System(services, test or (lambda: visit(method=method)))


def ask(url: str, method: str = "GET", **options: Any) -> Any:
    """What a service answers, or ``None``: a call that is careful about everything.

    :param url: its URL.
    :param method: the method.
    :param options: further arguments for ``requests.request``.
    """
    try:
        answer = requests.request(method, url, timeout=2, **options)
        return answer.json() if answer.status_code == 200 else None
    except requests.RequestException:
        return None


def _service(name: str, answer: Any) -> Flask:
    app = Flask(name)

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST", "PUT", "DELETE"])
    @app.route("/<path:path>", methods=["GET", "POST", "PUT", "DELETE"])
    def answered(path: str) -> ResponseReturnValue:
        found: ResponseReturnValue = answer(path) if callable(answer) else answer
        return found

    return app


def visit(
    url: str = "http://shop/", method: str = "GET", fine: Iterable[int] = (503,)
) -> requests.Response:
    """Ask for a page, and check its status.

    :param url: its URL.
    :param method: the method.
    :param fine: statuses that are fine under faults, beside 200.
    """
    answer = requests.request(method, url, timeout=1000)
    fits = {200, *fine} if was_fault_injected() else {200}
    assert answer.status_code in fits, f"the page answers {answer.status_code}"
    return answer
