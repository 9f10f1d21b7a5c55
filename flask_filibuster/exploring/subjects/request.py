"""The subject for a request to an app."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests

from flask_filibuster.exploring.quiet import quiet
from flask_filibuster.exploring.subjects.added import NOTHING_ADDED, Added
from flask_filibuster.exploring.subjects.base import Setting
from flask_filibuster.exploring.subjects.function import FunctionSubject
from flask_filibuster.exploring.subjects.login import requested_after_login
from flask_filibuster.exploring.subjects.names import journal_name
from flask_filibuster.instrumentation.asking import was_fault_injected
from flask_filibuster.options.table import Services
from flask_filibuster.results.bug import FaultFreeError


@dataclass(frozen=True, slots=True)
class Request:
    """The request of each execution.

    :ivar path: path and query string.
    :ivar method: HTTP method.
    :ivar headers: names and values.
    :ivar body: JSON text, or ``None``.
    :ivar session: function that prepares the client, for a login, as ``module:function``.
    :ivar expected: the status that the answer must have without faults; ``None``: a page.
    """

    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    session: str | None = None
    expected: int | None = None

    @property
    def words(self) -> str:
        """The request in words."""
        return f"{self.method} {self.path}"

    def send(self, base_url: str) -> None:
        """Make the request.

        :raises FaultFreeError: it fails without any injected fault.
        """
        status, location = self._answer(base_url)
        if self.expected is None:
            page = self.method in ("GET", "HEAD")
            fits = status < 400 and not (page and location)
        else:
            fits = status == self.expected
        if not fits and not was_fault_injected():
            raise FaultFreeError(status, location)

    def _answer(self, base_url: str) -> tuple[int, str]:
        """Status of the answer, and where it redirects to."""
        headers = dict(self.headers)
        if self.body is not None:
            headers.setdefault("Content-Type", "application/json")
        body = None if self.body is None else self.body.encode()
        if self.session is not None:
            return requested_after_login(
                self.session, self.method, self.path, base_url, headers=headers, data=body
            )
        response = requests.request(
            self.method,
            base_url.rstrip("/") + self.path,
            headers=headers,
            data=body,
            allow_redirects=False,
            timeout=None,  # noqa: S113 - the app is in this process
        )
        location = response.headers.get("Location", "") if response.is_redirect else ""
        return response.status_code, location

    def to_json(self) -> dict[str, Any]:
        """Plain data for :meth:`from_json`."""
        # Without options that are not given, so that journals of earlier versions are found.
        later = {"session": self.session, "expected": self.expected}
        kept = {name: value for name, value in asdict(self).items() if name not in later}
        return kept | {name: value for name, value in later.items() if value is not None}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Request:
        """Read the data of :meth:`to_json`.

        :raises KeyError, TypeError, ValueError: the data is invalid.
        """
        headers = tuple((str(name), str(value)) for name, value in content["headers"])
        body = content["body"]
        return cls(
            str(content["path"]),
            str(content["method"]),
            headers,
            None if body is None else str(body),
            content.get("session"),
            content.get("expected"),
        )


@dataclass(frozen=True, slots=True)
class RequestTest:
    """A request as a functional test, which other processes can run, too.

    :ivar request: the request.
    :ivar base_url: base URL of the app.
    :ivar verbose: whether to show the log of the apps, in each process.
    """

    request: Request
    base_url: str
    verbose: bool = False

    def __call__(self) -> None:
        """Make the request."""
        # Standard output belongs to the process: a thread of a Dask worker can't silence it
        # without silencing the other threads.
        alone = threading.current_thread() is threading.main_thread()
        with quiet(unless=self.verbose) if alone else nullcontext():
            self.request.send(self.base_url)


class RequestSubject(FunctionSubject):
    """A request to an app, with services of this process.

    :param test: makes the request.
    :param services: apps by base URL, or where to find them.
    :param services_from: where a replay finds the services, as for ``--services``, or ``None``.
    :param prefix: the ``flask`` command of the app.
    :param added: what a replay adds to the services.
    """

    def __init__(
        self,
        test: RequestTest,
        services: Services,
        services_from: str | None,
        prefix: str,
        added: Added = NOTHING_ADDED,
    ) -> None:
        super().__init__(test, services)
        self._request = test.request
        self._added = added
        self._services_from = services_from
        self._prefix = prefix

    @property
    def words(self) -> str:
        """Method and path."""
        return self._request.words

    @property
    def details(self) -> Mapping[str, Any]:
        """The request, and where to find its services."""
        added = {} if self._added == NOTHING_ADDED else {"added": asdict(self._added)}
        return {
            "request": self._request.to_json(),
            "services": self._services_from,
            **added,
        }

    @contextmanager
    def ready(self, settle: float | None = None) -> Iterator[Setting]:
        """Join the services, and expect the status that the request must have."""
        with super().ready(settle) as setting:
            setting.session.expected = self._request.expected
            yield setting

    def replay_command(self, path: Path) -> str:
        """The command that replays a counterexample."""
        return f"{self._prefix} filibuster replay {path}"

    def identity(self, *, unique: bool) -> str:  # noqa: ARG002 - it always is
        """The command that explores it, with a digest of its details."""
        return journal_name(f"{self._prefix} filibuster explore {self.words}", self.details)
