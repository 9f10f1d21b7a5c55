"""An application that other processes can import, and tests of it that they can run."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests
from flask import Flask

from flask_filibuster import was_fault_injected
from flask_filibuster.report.text import error_line
from flask_filibuster.results.bug import signature
from flask_filibuster.results.result import Result

FRONT = "http://front:5000"
LEAVES = ("prices", "stock", "ratings", "texts")
WORDS = [f"word {number}" for number in range(20)]


def url_of(name: str) -> str:
    return f"http://{name}:5000/"


def made(
    fallback: Callable[[str], Any] = str.lower, pause: float = 0.0, leaf: Callable[[], str] = str
) -> Mapping[str, Flask]:
    """A front that makes do without most of the leaves that it calls.

    :param fallback: what is made of the name of a leaf that does not answer.
    :param pause: how long the front takes, in seconds.
    :param leaf: what a leaf answers.
    """
    front = Flask("front")

    def part(name: str) -> str:
        try:
            answer = requests.get(url_of(name), timeout=1)
            answer.raise_for_status()
        except requests.ConnectionError:
            return f"{fallback(name)}: closed"
        except requests.RequestException:
            return f"{fallback(name)}: broken"
        return f"{name}: {answer.text}"

    @front.get("/")
    def page() -> str:
        time.sleep(pause)
        parts = [part(name) for name in LEAVES]
        if "stock: closed" in parts and "texts: broken" in parts:
            raise KeyError("nothing to show")
        return ", ".join(parts)

    services = {FRONT: front}
    for name in LEAVES:
        services[url_of(name).rstrip("/")] = service = Flask(name)
        service.add_url_rule("/", "leaf", leaf)
    return services


def services() -> Mapping[str, Flask]:
    return made()


def slow_services() -> Mapping[str, Flask]:
    return made(pause=0.02)


def unordered_services() -> Mapping[str, Flask]:
    """Their answers depend on hashes, which are other ones in each process."""
    return made(leaf=lambda: " ".join(set(WORDS)))


def deadly_services() -> Mapping[str, Flask]:
    """Without ratings, the process that serves them is no more."""

    def fallback(name: str) -> str:
        if name == "ratings":
            os._exit(3)
        return name

    return made(fallback)


parent = os.getpid()


def elsewhere_broken() -> Mapping[str, Flask]:
    """Not to be had in other processes, for a reason that cannot be sent to this one."""

    class BadPlaceError(Exception):
        def __init__(self, code: int, place: str) -> None:
            super().__init__(f"{code} in {place}")

    if parent != int(os.environ["EXPLORES"]):
        raise BadPlaceError(7, "a worker")
    return made()


def front_page() -> str:
    answer = requests.get(FRONT, timeout=5)
    assert answer.status_code == 200
    return answer.text


def test() -> None:
    """Fails in three ways."""
    text = front_page()
    assert "prices: closed" not in text
    if was_fault_injected() and "stock: broken" in text and "ratings: broken" in text:
        raise LookupError("neither stock\nnor ratings")


def fails_without_faults() -> None:
    front_page()
    raise ValueError("it never works")


def ends_the_process() -> None:
    if "ratings: broken" in front_page():
        sys.exit(7)


def lost() -> None:
    front_page()
    os._exit(9)


@functools.cache
def cannot_be_sent() -> Callable[[], None]:
    return lambda: None


def tolerate(failures: int, dask_scheduler: Any) -> int:
    """Have Dask's scheduler give up what has taken so many workers down; how many it was before."""
    before: int = dask_scheduler.allowed_failures
    dask_scheduler.allowed_failures = failures
    return before


def story(result: Result) -> Iterator[object]:
    """Everything that may not depend on who has run the executions."""
    for each in result.executions:
        failure = None if each.error is None else (error_line(each.error), signature(each.error))
        yield each.number, each.faults, each.trace, each.verdict, failure, each.purpose
        yield each.problems
    for found in result.failures:
        yield found.faults, error_line(found.error), [each.number for each in found.executions]
    yield from result.findings
    yield from result.pruned
    yield from result.classes
    yield result.remaining, result.cut_by_size, result.limit, result.ok, result.notes
