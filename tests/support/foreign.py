"""A Filibuster server of another project, which records, and JSON compared field by field."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answers = Callable[[str, str, Any], tuple[int, Any]]


@dataclass(frozen=True)
class Sent:
    """One call that the server got."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: Any

    @property
    def what(self) -> str:
        """What it says: its instrumentation type, else its path."""
        if isinstance(self.content, dict):
            return str(self.content["instrumentation_type"])
        return self.path


@dataclass
class ForeignServer:
    """Answers as the protocol says, and no more.

    :ivar decisions: what to add to the answers to *create*, one after the other.
    :ivar answers: answers in place of all that; ``None`` in place of an answer: as usual.
    """

    url: str = ""
    sent: list[Sent] = field(default_factory=list)
    connections: int = 0
    decisions: list[dict[str, Any]] = field(default_factory=list)
    fault_injected: bool = False
    answers: Callable[[Sent], tuple[int, bytes] | None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _generated: int = 0
    _entered: set[str] = field(default_factory=set)

    def next_execution(self) -> None:
        """Forget what was recorded; another test execution begins."""
        with self._lock:
            self.sent.clear()
            self._entered.clear()
            self._generated = 0

    @property
    def told(self) -> list[Sent]:
        """What was sent, but for health checks."""
        return [each for each in self.sent if each.path != "/health-check"]

    def of_kind(self, what: str) -> list[Sent]:
        """What was sent of one kind."""
        return [each for each in self.told if each.what == what]

    def answer(self, sent: Sent) -> tuple[int, bytes]:
        """Record a call, and answer it."""
        with self._lock:
            self.sent.append(sent)
            given = self.answers(sent) if self.answers is not None else None
            return given or (200, json.dumps(self._usual(sent)).encode())

    def _usual(self, sent: Sent) -> dict[str, Any]:
        if sent.path == "/health-check":
            return {"status": "OK"}
        if sent.path == "/filibuster/create":
            number, self._generated = self._generated, self._generated + 1
            decision = self.decisions.pop(0) if self.decisions else {}
            return {
                "generated_id": number,
                "execution_index": sent.content["execution_index"],
                **decision,
            }
        if sent.path.startswith("/filibuster/new-test-execution/"):
            first = sent.path not in self._entered
            self._entered.add(sent.path)
            return {"new-test-execution": first}
        if sent.path.startswith("/filibuster/fault-injected"):
            return {"result": self.fault_injected}
        return {}


@contextmanager
def foreign_server() -> Iterator[ForeignServer]:
    """A server of another project on a real socket, which keeps its connections.

    Whoever called it has to close its own ends before the block ends.
    """
    foreign = ForeignServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 10
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            foreign.connections += 1

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            content = json.loads(body) if body else None
            sent = Sent(self.command, self.path, dict(self.headers.items()), content)
            status, answer = foreign.answer(sent)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - names that http.server asks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = False

    server = Server(("127.0.0.1", 0), Handler)
    foreign.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))
    thread.start()
    try:
        yield foreign
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def differences(expected: Any, seen: Any, known: dict[str, str], where: str = "") -> list[str]:
    """How JSON differs from what a vector expects of it.

    An expected string may be a regular expression, ``re:[0-9]+``, and may be a name, ``<index>``:
    it stands for what is seen there first, and for nothing else from then on.
    """
    if isinstance(expected, dict) and isinstance(seen, dict):
        found = [
            f"{where}.{name}: expected {expected.get(name)!r}, seen {seen.get(name)!r}"
            for name in sorted(expected.keys() ^ seen.keys())
        ]
        for name in sorted(expected.keys() & seen.keys()):
            found += differences(expected[name], seen[name], known, f"{where}.{name}")
        return found
    if isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen):
        found = []
        for number, (one, other) in enumerate(zip(expected, seen, strict=True)):
            found += differences(one, other, known, f"{where}[{number}]")
        return found
    if isinstance(expected, str) and isinstance(seen, str):
        if re.fullmatch("<[a-z ]+>", expected):
            expected = known.setdefault(expected, seen)
        if expected.startswith("re:") and re.fullmatch(expected[3:], seen):
            return []
    if type(expected) is type(seen) and expected == seen:
        return []
    return [f"{where or 'it'}: expected {expected!r}, seen {seen!r}"]
