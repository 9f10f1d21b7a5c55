"""The seam of clients: anybody's library is seen and failed through ``perform``."""

from __future__ import annotations

import asyncio
import doctest
import importlib
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Response as FlaskResponse
from flask.typing import ResponseReturnValue
from requests import Response

from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.exploring.session import Session, surroundings
from flask_filibuster.exploring.subjects.function import run_once
from flask_filibuster.instrumentation.clients import base, registry
from flask_filibuster.instrumentation.clients.registry import (
    clients_known,
    imported_clients,
    instrument,
)
from flask_filibuster.instrumentation.clients.requests.adapter import Requests
from flask_filibuster.protocol.records import CALL
from flask_filibuster.results.execution import Execution
from tests.support.altered import Cut, Whole
from tests.support.callers import REFUSED, UNAVAILABLE, ended, run, service, serving
from tests.support.pigeon import Carrier, Loft, LostError, Pigeon

LOST = Fault(exception="ConnectionError", abort=False)


@pytest.fixture
def loft() -> Iterator[Loft]:
    with ExitStack() as stack:
        for patch in (*Pigeon().hold(), *Carrier().hold()):
            stack.callback(patch.release)
        yield Loft()


def fly(loft: Loft) -> str:
    return loft.send("attic", "hello")


def fly_async(loft: Loft) -> str:
    return asyncio.run(loft.send_async("attic", "hello"))


both = pytest.mark.parametrize("send", [fly, fly_async])


def flown(loft: Loft, send: Callable[[Loft], str], *faults: Fault) -> tuple[Any, Execution]:
    """What a view's call of the library ends in, and the execution; faults are for the call."""
    ends: list[Any] = []

    def view() -> ResponseReturnValue:
        try:
            ends.append(send(loft))
        except Exception as error:  # noqa: BLE001 - what is looked at
            ends.append(error)
        return "done"

    execution = run(view, {}, *((0, fault) for fault in faults))
    return ends[-1], execution


class TestAnyLibrary:
    @both
    def test_call_is_seen(self, loft: Loft, send: Callable[[Loft], str]) -> None:
        end, execution = flown(loft, send)
        (call,) = execution.trace.invocations
        assert end == "attic has 'hello'"
        assert (call.library, call.family, call.operation) == ("pigeon", "queue", "SEND")
        assert (call.target, call.url, call.timeout) == ("attic", "", (1, 2))
        assert call.describe() == "front -> attic  SEND"
        assert call.callsite is not None
        assert call.callsite.function.endswith(send.__name__)

    @both
    def test_success_is_ok(self, loft: Loft, send: Callable[[Loft], str]) -> None:
        _, execution = flown(loft, send)
        (call,) = execution.trace.invocations
        assert call.outcome == Outcome()
        assert call.outcome is not None
        assert not call.outcome.failed

    @both
    def test_call_is_failed(self, loft: Loft, send: Callable[[Loft], str]) -> None:
        end, execution = flown(loft, send, REFUSED)
        assert isinstance(end, LostError)
        assert str(end) == "attic did not get it"
        assert len(loft.delivered) == 1  # That of the fault-free execution.
        assert execution.verdict == "passed"

    @both
    def test_answer_is_lost(self, loft: Loft, send: Callable[[Loft], str]) -> None:
        end, execution = flown(loft, send, LOST)
        assert str(end) == "attic did get it"
        assert len(loft.delivered) == 2
        assert execution.verdict == "passed"

    @pytest.mark.slow
    @both
    def test_call_is_held(self, loft: Loft, send: Callable[[Loft], str]) -> None:
        end, execution = flown(loft, send, Fault(exception="ConnectionError", sleep=0.2))
        assert isinstance(end, LostError)
        assert execution.seconds >= 0.2

    @both
    @pytest.mark.parametrize(
        "fault",
        [UNAVAILABLE, Fault(exception="SSLError"), Fault(exception="X", library="other")],
        ids=["status", "error", "other-library"],
    )
    def test_inexpressible_fault_is_inconclusive(
        self, loft: Loft, send: Callable[[Loft], str], fault: Fault
    ) -> None:
        end, execution = flown(loft, send, fault)
        assert type(end).__name__ == "InjectionError"
        assert execution.verdict == "inconclusive"
        assert "pigeon" in execution.problems[0]

    def test_real_failure_is_reported(self, loft: Loft) -> None:
        def broken(_: Loft) -> str:
            return loft.send("attic", None.nothing)  # type: ignore[attr-defined]

        end, execution = flown(loft, broken)
        assert isinstance(end, AttributeError)
        assert execution.trace.invocations == ()

    @both
    def test_request_of_test_is_root(self, loft: Loft, send: Callable[[Loft], str]) -> None:
        with surroundings({}) as around:
            session = Session(timeout=2)
            execution = run_once(lambda: send(loft), session, FaultSet(), around)
        (call,) = execution.trace.requests
        assert (call.library, call.target, call.outcome) == ("pigeon", "attic", Outcome())

    def test_call_below_counts_once(self, loft: Loft) -> None:
        _, execution = flown(loft, lambda loft: loft.deliver("attic", "hello"))
        assert [call.library for call in execution.trace.invocations] == ["carrier"]

    def test_record_keeps_nature(self, loft: Loft) -> None:
        _, execution = flown(loft, fly)
        (call,) = execution.trace.invocations
        assert CALL.read(CALL.write(call)) == call
        assert call.is_repeatable
        assert not call.is_safe

    def test_outside_is_untouched(self, loft: Loft) -> None:
        assert fly(loft) == fly_async(loft) == "attic has 'hello'"

    def test_documented_example_runs(self) -> None:
        assert doctest.testmod(base, raise_on_error=True).attempted > 5


def installed(
    folder: Path, modules: dict[str, str], entries: Iterable[str], monkeypatch: Any
) -> None:
    """Install a distribution with these modules and entry points of clients."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    info = folder / f"{next(iter(modules))}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(["[flask_filibuster.clients]", *entries]))
    monkeypatch.syspath_prepend(str(folder))
    for name in modules:
        monkeypatch.delitem(sys.modules, name, raising=False)


LIBRARY = """
class Duck:
    def swim(self, pond):
        return f"swam in {pond}"
"""
CLIENT = """
import duck_library
from flask_filibuster.instrumentation.clients.base import *

class DuckCall(OutgoingCall):
    def __init__(self, client, swim, pond):
        super().__init__(client, "SWIM", target=pond)
        self._swim = swim
    def send(self, headers):
        return self._swim()
    def fail(self, kind, *, sent):
        raise OSError("sank")

class Client_(Client):
    name = "duck_library"
    family = "other"
    def hold(self):
        def wrap(original, patch):
            return lambda duck, pond: perform(
                DuckCall(self, lambda: original(duck, pond), pond)
            )
        return [Patch.hold(duck_library.Duck, "swim", wrap)]
"""
ENTRY = "duck_library = duck_client:Client_"


class TestFindingClients:
    @pytest.fixture
    def duck(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        installed(tmp_path, {"duck_library": LIBRARY, "duck_client": CLIENT}, [ENTRY], monkeypatch)

    @staticmethod
    def swim() -> ResponseReturnValue:
        library = importlib.import_module("duck_library")
        return str(library.Duck().swim("the pond"))

    @pytest.mark.usefixtures("duck")
    @pytest.mark.parametrize("when", ["before", "during"])
    def test_entry_point_suffices(self, when: str) -> None:
        if when == "before":
            importlib.import_module("duck_library")
        execution = run(self.swim, {})
        (call,) = execution.trace.invocations
        assert (call.library, call.target) == ("duck_library", "the pond")

    @pytest.mark.usefixtures("duck")
    def test_patches_come_off(self) -> None:
        run(self.swim, {})
        duck = sys.modules["duck_library"].Duck
        assert "perform" not in str(duck.__dict__["swim"].__code__.co_names)
        assert type(sys.modules["duck_library"].__loader__).__name__ == "SourceFileLoader"
        assert not any("filibuster" in type(each).__module__ for each in sys.meta_path)

    @pytest.mark.usefixtures("duck")
    def test_unused_library_stays_unimported(self) -> None:
        with instrument():
            assert "duck_library" not in sys.modules
            assert "duck_client" not in sys.modules

    @pytest.mark.usefixtures("duck")
    def test_holds_nest_in_any_order(self) -> None:
        first, second = instrument(), instrument()
        library = importlib.import_module("duck_library")
        original = library.Duck.__dict__["swim"].__wrapped__
        first.release()
        assert library.Duck.__dict__["swim"] is not original
        second.release()
        assert library.Duck.__dict__["swim"] is original

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("import no_such_module", "no_such_module"),
            ("raise SyntaxWarning('really')", "really"),
            ("Client_ = dict", "not a Client"),
            ("x = 1", "Client_"),
            (
                CLIENT.replace('Duck, "swim"', 'Duck, "fly"'),
                "cannot patch the installed version",
            ),
        ],
        ids=["import", "raises", "no-client", "no-such-name", "cannot-patch"],
    )
    def test_broken_client_is_named(
        self,
        text: str,
        told: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        installed(tmp_path, {"duck_library": LIBRARY, "duck_client": text}, [ENTRY], monkeypatch)
        with caplog.at_level(logging.WARNING):
            execution = run(self.swim, {})
        assert execution.verdict == "passed"
        assert told in caplog.text
        assert "duck_library" in caplog.text

    def test_backport_provides_entry_points(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # As the distributions of ``importlib_metadata`` do, once that package is imported.
        class Uncomparable(EntryPoint):
            def __eq__(self, other: object) -> bool:
                raise AttributeError("_key")

            __hash__ = EntryPoint.__hash__

        before = [each.name for each in imported_clients()]
        (own,) = (each for each in clients_known() if each.name == "requests")
        foreign = Uncomparable(own.name, own.value, own.group)
        monkeypatch.setattr(registry, "entry_points_of", lambda group: (foreign,))
        assert "requests" in before
        assert "requests" in [each.name for each in imported_clients()]

    def test_own_client_is_declared(self) -> None:
        from importlib.metadata import entry_points

        (found,) = entry_points(group="flask_filibuster.clients", name="requests")
        assert found.load() is Requests


class TestAlteredBodies:
    """A fault that acts on a real answer's body, over a socket and in process."""

    @pytest.mark.slow
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("place", ["socket", "process"])
    def test_body_breaks_while_read(self, place: str, *, stream: bool) -> None:
        app = service(long=lambda: "0123456789")
        pieces: list[bytes] = []

        def read(url: str) -> Response:
            response = requests.get(f"{url}/long", stream=stream, timeout=2)
            pieces.clear()
            pieces.extend(response.iter_content(4))
            return response

        fault = (0, Fault(kind=Cut()))
        with serving(app) as address:
            if place == "socket":
                end, _ = ended(lambda: read(address), {}, fault)
            else:
                end, _ = ended(lambda: read("http://leaf"), {"http://leaf": app}, fault)
        assert isinstance(end, requests.exceptions.ChunkedEncodingError)
        assert "IncompleteRead(4 bytes read, 6 more expected)" in str(end)
        # Without a stream, the response never came about: the pieces are those of before.
        assert pieces == ([b"0123"] if stream else [b"0123", b"4567", b"89"])

    def test_rest_of_response_stays(self) -> None:
        def view() -> ResponseReturnValue:
            answer = FlaskResponse("whole", 201, {"X-Own": "1"})
            answer.set_cookie("a", "1")
            answer.set_cookie("b", "2")
            return answer

        with serving(service(view=view)) as url, requests.Session() as session:
            call = lambda: session.get(f"{url}/view", timeout=2)  # noqa: E731
            end, _ = ended(call, {}, (0, Fault(kind=Whole())))
            assert (end.status_code, end.reason, end.text) == (201, "CREATED", "whole")
            assert (end.headers["X-Own"], dict(session.cookies)) == ("1", {"a": "1", "b": "2"})

    def test_bodiless_library_is_inconclusive(self, loft: Loft) -> None:
        end, execution = flown(loft, fly, Fault(kind=Cut()))
        assert type(end).__name__ == "InjectionError"
        assert execution.verdict == "inconclusive"
