"""``Retry-After``: a policy of urllib3 waits as long for an injected answer as for a real one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry
from urllib3.util import retry as urllib3_retry

from flask_filibuster.core.fault import Fault
from tests.support.callers import end_of, ended, ok, service
from tests.support.misbehaving import Server, misbehaving

FAULTS = [
    Fault.of("retry later", after=7),
    Fault.of("retry later", status=503, after=0),
    Fault.of("retry later", after=10**9),
    Fault.of("retry later", after=3000, form="date"),
    Fault.of("retry later", status=503, after=-3000, form="date"),
    Fault.of("gateway page", status=503),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with misbehaving() as server:
        yield server


@pytest.mark.parametrize("respects", [True, False], ids=["respected", "ignored"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_policy_waits_as_in_life(
    fault: Fault, method: str, server: Server, monkeypatch: pytest.MonkeyPatch, *, respects: bool
) -> None:
    slept: list[float] = []

    class Clock:
        """The time of urllib3, which passes at once."""

        def __getattr__(self, name: str) -> Any:
            return getattr(time, name)

        def sleep(self, seconds: float) -> None:
            slept.append(round(seconds / 100))

    monkeypatch.setattr(urllib3_retry, "time", Clock())

    def call(url: str) -> Any:
        policy = Retry(
            1, status_forcelist=[503], backoff_factor=0, respect_retry_after_header=respects
        )
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=policy))
            response = session.request(method, f"{url}/ok", timeout=1)
            return response.status_code, len(response.raw.retries.history)

    in_life = end_of(lambda: call(server.becomes(fault.kind, 1)))
    slept_in_life, slept[:] = list(slept), []
    end, calls = ended(lambda: call("http://leaf"), {"http://leaf": service(ok=ok)}, (0, fault))
    assert calls[0].fault == fault
    assert (end, slept) == (in_life, slept_in_life)
