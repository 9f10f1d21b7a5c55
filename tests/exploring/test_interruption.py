"""Ctrl-C and its like, wherever in an execution they come."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
import requests
from flask import Flask

from flask_filibuster import explore
from flask_filibuster.results.result import Result
from tests.support import suites
from tests.support.cases import only_in_earnest
from tests.support.suites import CAREFUL, Suite

suite = suites.suite


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


class Finalised:
    """What CPython gives up at once when nobody refers to it any more."""

    def __del__(self) -> None:
        ctrl_c()


def in_a_finaliser() -> None:
    Finalised()


def while_a_context_is_made() -> None:
    app = Flask("back")
    with flask.appcontext_pushed.connected_to(lambda _app: ctrl_c(), app):
        app.test_client().get("/")


def where_everything_is_caught() -> None:
    try:
        ctrl_c()
    except BaseException as error:
        raise ValueError("the application's own") from error


SWALLOWED = [
    pytest.param(in_a_finaliser, id="in a finaliser"),
    pytest.param(while_a_context_is_made, id="while Flask makes a context"),
    pytest.param(where_everything_is_caught, id="where the app catches everything"),
]


class Front:
    """Two calls that may fail, and something that comes in the middle of an execution."""

    def __init__(self, comes: Callable[[], None], at: int) -> None:
        self.handled = 0
        self.app = Flask("front")
        back = Flask("back")
        self.services = {"http://front:5000": self.app, "http://back:5001": back}

        @self.app.get("/")
        def index() -> list[int | None]:
            self.handled += 1
            first = part(1)
            if self.handled == at:
                comes()
            return [first, part(2)]

        @back.get("/<int:number>")
        def answer(number: int) -> str:
            return str(number)

    def explored(self, journal: Path | None, *, resume: bool = False) -> Result:
        return explore(
            self.asked,
            self.services,
            journal=journal,
            name="parts",
            resume=resume,
            reduction="none",
        )

    @staticmethod
    def asked() -> None:
        assert requests.get("http://front:5000/", timeout=1).status_code == 200


def part(number: int) -> int | None:
    try:
        return requests.get(f"http://back:5001/{number}", timeout=1).status_code
    except requests.RequestException:
        return None


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Whoever replaces handlers puts them back."""
    before = signal.getsignal(signal.SIGINT)
    yield
    after = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)
    assert after == before


@pytest.mark.slow
@pytest.mark.parametrize("comes", SWALLOWED)
def test_swallowed_interrupt_ends_the_exploration(
    comes: Callable[[], None], tmp_path: Path
) -> None:
    """Python or the app swallows it."""
    expected = Front(comes, 0).explored(None)
    assert expected.ok
    interrupted = Front(comes, 5)
    hook = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt):
        interrupted.explored(tmp_path / "journal")
    assert sys.unraisablehook == hook
    assert interrupted.handled == 5
    # What it made of the execution that it came in is not taken for what a fault did.
    resumed = Front(comes, 0).explored(tmp_path / "journal", resume=True)
    assert resumed.ok
    assert resumed.recalled == 3  # Of five, one was the repeat of the first.
    assert resumed.executions == expected.executions


def test_interrupt_comes_before_errors() -> None:
    """Before what became of the execution."""

    async def forgotten() -> None:
        """What cannot be explored, as nobody awaits it."""

    def test() -> Any:
        in_a_finaliser()
        return forgotten()

    with pytest.raises(KeyboardInterrupt):
        explore(test)


@pytest.mark.slow
def test_interrupt_waits_for_recording(tmp_path: Path) -> None:
    class InterruptingError(Exception):
        def __str__(self) -> str:  # Asked for when the failure is recorded.
            if front.handled == 5:
                front.handled += 1
                ctrl_c()
            return "failed"

    front = Front(lambda: None, 0)

    def test() -> None:
        if requests.get("http://front:5000/", timeout=1).json() != [200, 200]:
            raise InterruptingError

    def explored(**options: Any) -> Result:
        return explore(test, front.services, journal=tmp_path / "journal", name="it", **options)

    with pytest.raises(KeyboardInterrupt):
        explored(reduction="none")
    assert front.handled == 6
    handled = front.handled
    resumed = explored(reduction="none", resume=True)
    assert resumed.recalled == 4
    assert front.handled - handled == len(resumed.executions) - 4


def test_second_interrupt_does_not_wait(tmp_path: Path) -> None:
    class ImpatientError(Exception):
        def __str__(self) -> str:
            ctrl_c()
            after.append("the first")
            ctrl_c()
            after.append("the second")
            return "failed"

    after: list[str] = []

    def test() -> None:
        if requests.get("http://front:5000/", timeout=1).json() != [200, 200]:
            raise ImpatientError

    with pytest.raises(KeyboardInterrupt):
        explore(test, Front(lambda: None, 0).services, journal=tmp_path / "journal", name="it")
    assert after == ["the first"]


def test_inner_exploration_hands_interrupts_on() -> None:
    inner = Front(in_a_finaliser, 5)
    learned: list[object] = []

    def test() -> None:
        try:
            inner.explored(None)
        except BaseException as error:
            raise ValueError("the test's own") from error

    with pytest.raises(KeyboardInterrupt):
        explore(test, progress=lambda _search, execution: learned.append(execution))
    assert learned == []


@pytest.mark.slow
def test_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert Front(ctrl_c, 5).explored(None).ok
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_own_handler_decides() -> None:
    class StoppedError(Exception):
        pass

    def count(number: int, frame: object) -> None:
        came.append(number)
        if len(came) == 2:
            raise StoppedError

    came: list[int] = []
    before = signal.signal(signal.SIGINT, count)
    try:
        assert Front(in_a_finaliser, 5).explored(None).ok
        assert came == [signal.SIGINT]
        with pytest.raises(StoppedError):
            Front(in_a_finaliser, 5).explored(None)
        assert signal.getsignal(signal.SIGINT) is count
    finally:
        signal.signal(signal.SIGINT, before)


def test_handler_of_the_test_stays() -> None:
    def own(number: int, frame: object) -> None:
        pass

    def put_in() -> None:
        signal.signal(signal.SIGINT, own)

    before = signal.getsignal(signal.SIGINT)
    try:
        assert Front(put_in, 5).explored(None).ok
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)


def test_threads_leave_signals_alone() -> None:
    results: list[Result] = []
    front = Front(lambda: None, 0)
    thread = threading.Thread(target=lambda: results.append(front.explored(None)))
    thread.start()
    thread.join()
    assert results[0].ok


@pytest.mark.slow
@pytest.mark.parametrize(
    "swallowed",
    [
        pytest.param("type('Finalised', (), {'__del__': ctrl_c})()", id="in a finaliser"),
        pytest.param(
            "pytest.raises(BaseException, ctrl_c)",
            id="where the test catches it",
            marks=only_in_earnest,
        ),
    ],
)
def test_swallowed_interrupt_ends_a_session(suite: Suite, swallowed: str) -> None:
    suite.write(
        test_it=CAREFUL.replace(
            '        note("body")\n',
            '        note("body")\n'
            "        import pathlib, pytest, signal\n"
            "        def ctrl_c(*_): signal.raise_signal(signal.SIGINT)\n"
            '        armed = pathlib.Path("armed")\n'
            '        if armed.exists() and pathlib.Path("notes").read_text().count("body") == 3:\n'
            "            armed.unlink()\n"
            f"            {swallowed}\n",
        )
    )
    (suite.path / "armed").touch()
    ran = suite.elsewhere("-p", "no:cacheprovider")
    assert ran.code == pytest.ExitCode.INTERRUPTED, ran.output
    assert ran.count("body") == 3
    assert "not run (interrupted): nothing proved" in ran.output
    if "raises" not in swallowed:
        assert "test_it.py" in ran.output.split("! KeyboardInterrupt !")[1]
    ran = suite.again("--filibuster-resume")
    assert ran.code == 0
    assert "1 from the journal" in ran.output
