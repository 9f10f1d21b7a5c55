"""Bodies of requests that the first attempt has used up: a retry sends what is left of them."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import requests
from flask import request
from flask.typing import ResponseReturnValue
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from flask_filibuster.core.fault import Fault
from tests.support.callers import CHAINED, end_of, ended, run, service
from tests.support.cases import sample
from tests.support.misbehaving import Server, misbehaving

SIZE = 20_000


class Encoder:
    """Like the multipart encoder of requests-toolbelt: it knows its length, but no way back."""

    def __init__(self) -> None:
        self.len = SIZE
        self._file = io.BytesIO(b"x" * SIZE)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


class Pipe(io.BytesIO):
    """A file that does not know its position."""

    def tell(self) -> int:
        raise OSError("not seekable")


class Pieces:
    """An iterable that knows its length and starts anew each time."""

    def __len__(self) -> int:
        return SIZE

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"x" * SIZE])


def partly_read() -> io.BytesIO:
    file = io.BytesIO(b"x" * SIZE)
    file.seek(SIZE // 2)
    return file


BODIES: dict[str, Callable[[], Any]] = {
    "bytes": lambda: b"x" * SIZE,
    "file": lambda: io.BytesIO(b"x" * SIZE),
    "file from the middle": partly_read,
    "file without a position": lambda: Pipe(b"x" * SIZE),
    "generator": lambda: (b"x" * 100 for _ in range(SIZE // 100)),
    "pieces": Pieces,
    "encoder": Encoder,
}
FAULTS = [
    Fault(status=503),
    Fault(status=503, abort=False),
    Fault.of("reset"),
    Fault.of("closed without an answer", abort=False),
    Fault.of("read timeout"),
    Fault.of("redirected", to="same URL", status=307),
]


class Case(NamedTuple):
    body: str
    fault: Fault
    how: str

    def __str__(self) -> str:
        return f"{self.body}, {self.fault.words()}, {self.how}"

    @property
    def waits(self) -> bool:
        """Whether an attempt ends by its timeout in life."""
        return self.body == "encoder" or self.fault.kind.failure == "read timeout"

    def calls(self, url: str) -> list[Any]:
        """How two attempts end, or one with a policy of two retries."""
        session, data = requests.Session(), BODIES[self.body]()
        timeout = 0.3 if self.waits else 5
        attempts = 2
        if self.how == "policy":
            attempts = 1
            retries: Any = {"allowed_methods": None, "status_forcelist": [503]}
            policy = Retry(2, backoff_factor=0, raise_on_status=False, **retries)
            session.mount("http://", HTTPAdapter(max_retries=policy))
        found = []
        for _ in range(attempts):
            end = end_of(lambda: session.post(f"{url}/up", data=data, timeout=timeout))
            found.append(getattr(end, "status_code", None) or type(end))
            if found[-1] == 200:
                break
        session.close()
        return found


CASES = [
    Case(body, fault, how)
    for body, fault, how in itertools.product(BODIES, FAULTS, ("loop", "policy"))
    # Before 2.29, requests sends chunks by itself, and has another error for a read timeout.
    if CHAINED or fault.kind.name != "read timeout"
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with misbehaving() as server:
        yield server


@pytest.mark.parametrize(
    "case",
    sample(pytest.param(case, marks=pytest.mark.slow) if case.waits else case for case in CASES),
    ids=str,
)
def test_what_arrives_is_as_in_life(case: Case, server: Server) -> None:
    in_life = case.calls(server.becomes(case.fault.kind, 1))
    arrived: list[int] = []

    def up() -> ResponseReturnValue:
        arrived.append(len(request.get_data()))
        return "thanks"

    end, calls = ended(
        lambda: case.calls("http://leaf"), {"http://leaf": service(up=up)}, (0, case.fault)
    )
    assert calls[0].fault == case.fault
    assert end == in_life
    if end[-1] == 200:
        assert arrived[-1] == server.sizes[-1]


@pytest.mark.parametrize("name", ["refused", "name not resolved", "connect timeout"])
def test_nothing_is_sent_without_a_connection(name: str) -> None:
    arrived: list[int] = []

    def up() -> ResponseReturnValue:
        arrived.append(len(request.get_data()))
        return "thanks"

    case = Case("generator", Fault.of(name), "loop")
    ended(lambda: case.calls("http://leaf"), {"http://leaf": service(up=up)}, (0, case.fault))
    assert arrived == [SIZE] * 2  # Once without the fault.


def test_broken_generator_is_no_fault() -> None:
    """The call ends in the exception of the application's own code; the fault proves nothing."""

    def pieces() -> Iterator[bytes]:
        yield b"x"
        raise LookupError("no more")

    def up() -> ResponseReturnValue:
        return "thanks"

    def view() -> ResponseReturnValue:
        return type(end_of(lambda: requests.post("http://leaf/up", data=pieces()))).__name__

    execution = run(view, {"http://leaf": service(up=up)}, (0, Fault(status=503)))
    assert execution.verdict == "inconclusive"
    assert "could not be sent: LookupError" in str(execution.problems)


class TestHttpx:
    @pytest.mark.parametrize("fault", [Fault(status=503), Fault.of("reset")], ids=str)
    @pytest.mark.parametrize("body", ["bytes", "file", "generator", "pieces"])
    def test_what_arrives_is_as_in_life(self, body: str, fault: Fault, server: Server) -> None:
        httpx = pytest.importorskip("httpx")

        def attempts(url: str) -> list[Any]:
            content = BODIES[body]()
            with httpx.Client(trust_env=False, verify=False) as client:
                ends = [
                    end_of(lambda: client.post(f"{url}/up", content=content, timeout=5))
                    for _ in range(2)
                ]
            return [getattr(end, "status_code", None) or type(end) for end in ends]

        in_life = attempts(server.becomes(fault.kind, 1))
        arrived: list[int] = []

        def up() -> ResponseReturnValue:
            arrived.append(len(request.get_data()))
            return "thanks"

        end, _ = ended(lambda: attempts("http://leaf"), {"http://leaf": service(up=up)}, (0, fault))
        assert end == in_life
        if end[-1] == 200:
            assert arrived[-1] == server.sizes[-1]
