"""What the application sees of answers and errors is as without us."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
import responses
from flask import Response, request
from flask.typing import ResponseReturnValue
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from flask_filibuster.core.fault import Fault
from tests.support import requesting
from tests.support.callers import LEAF, MARKS, UNAVAILABLE, ended, ok, service, serving
from tests.support.requesting import DefaultTimeout, Signing, Twice, counts, retrying, session_with

dead = requesting.dead


class TestWhatTheApplicationSees:
    def test_streams_come_in_pieces(self) -> None:
        def pieces() -> ResponseReturnValue:
            return Response(iter([b"one\n", b"two\n"]), mimetype="text/plain")

        def call() -> requests.Response:
            with requests.get("http://leaf/pieces", stream=True, timeout=2) as response:
                read.extend(response.iter_lines())
                return response

        read: list[bytes] = []
        ended(call, {"http://leaf": service(pieces=pieces)})
        assert read == [b"one", b"two"]

    @pytest.mark.parametrize("faults", [(), ((1, UNAVAILABLE),)], ids=["real", "injected"])
    def test_a_session_keeps_its_cookies(self, faults: tuple[tuple[int, Fault], ...]) -> None:
        def give() -> ResponseReturnValue:
            response = Response("given")
            response.set_cookie("flavour", "vanilla")
            response.set_cookie("size", "large")
            return response

        def take() -> ResponseReturnValue:
            return f"{request.cookies.get('flavour')} {request.cookies.get('size')}"

        def call() -> requests.Response:
            with requests.Session() as session:
                session.get("http://leaf/give")
                session.get("http://leaf/ok")
                return session.get("http://leaf/take")

        services = {"http://leaf": service(give=give, take=take, ok=ok)}
        end, _ = ended(call, services, *faults)
        assert end.text == "vanilla large"

    @pytest.mark.parametrize("faults", [(), ((0, UNAVAILABLE),)], ids=["real", "injected"])
    def test_hooks_may_replace_the_response(self, faults: tuple[tuple[int, Fault], ...]) -> None:
        statuses = []

        def hook(response: requests.Response, **options: Any) -> requests.Response:
            statuses.append(response.status_code)
            response.headers["X-Hooked"] = "yes"
            return response

        hooks = {"response": hook}
        end, _ = ended(
            lambda: requests.get("http://leaf/ok", hooks=hooks, timeout=1), LEAF, *faults
        )
        assert end.headers["X-Hooked"] == "yes"
        assert statuses == ([200, 503] if faults else [200])

    @pytest.mark.parametrize("where", ["mesh", "socket"])
    def test_request_is_its_own(self, where: str) -> None:
        prepared: list[requests.PreparedRequest] = []

        def call() -> requests.Response:
            with requests.Session() as session:
                prepared.append(session.prepare_request(requests.Request("GET", f"{url}/ok")))
                return session.send(prepared[-1])

        if where == "mesh":
            url = "http://leaf"
            end, _ = ended(call, LEAF)
        else:
            with serving(service(ok=ok)) as url:
                end, _ = ended(call, {})
        assert end.request is prepared[-1]
        assert not any(name in end.request.headers for name in MARKS)

    def test_real_exception_has_its_request(self, dead: str) -> None:
        end, (seen,) = ended(lambda: requests.get(dead, timeout=2), {})
        assert isinstance(end, requests.ConnectionError)
        assert end.request is not None
        assert not any(name in end.request.headers for name in MARKS)
        assert seen.outcome is not None
        assert seen.outcome.exception == "ConnectionError"

    def test_gateway_hands_no_headers_on(self) -> None:
        """Headers of ours that it received."""
        received = []

        def see() -> ResponseReturnValue:
            received.append(dict(request.headers))
            return "fine"

        def call() -> requests.Response:
            forwarded = {**dict(request.headers), "X-Filibuster-Forced-Sleep": "3600"}
            forwarded.pop("Host")
            return requests.get("http://leaf/see", headers=forwarded, timeout=1)

        begun = time.monotonic()
        services = {"http://leaf": service(see=see)}
        _, (seen,) = ended(call, services)
        ended(call, services, config={"FILIBUSTER_EXCLUDED_HOSTS": ["leaf"]})
        assert time.monotonic() - begun < 5
        first, excluded = received
        assert first["X-Filibuster-Execution-Index"] == seen.index
        assert "X-Filibuster-Forced-Sleep" not in first
        assert not any(name.startswith("X-Filibuster") for name in excluded)


class TestMocks:
    def test_mocked_host_is_a_leaf(self) -> None:
        with responses.RequestsMock() as mocks:
            mocks.get("http://mocked:81/thing", json={"mocked": True})
            end, (seen,) = ended(lambda: requests.get("http://mocked:81/thing", timeout=1), {})
            assert end.json() == {"mocked": True}
            assert mocks.assert_call_count("http://mocked:81/thing", 1)
        assert seen.target == "mocked"
        assert not any(name in end.request.headers for name in MARKS)

    @pytest.mark.parametrize("adapter", [None, DefaultTimeout(2), Twice(), Signing()])
    def test_a_mocked_call_can_be_failed(self, adapter: HTTPAdapter | None) -> None:
        session = requests.Session() if adapter is None else session_with(adapter)
        with responses.RequestsMock() as mocks:
            mocks.get("http://mocked/", body="mocked")
            end, _ = ended(lambda: session.get("http://mocked/"), {}, (0, UNAVAILABLE))
            assert end.status_code == 503
            # Once without a fault; the faulted call takes its answer, too.
            assert mocks.assert_call_count("http://mocked/", 2)

    def test_mock_inside_a_view_is_seen(self) -> None:
        def call() -> requests.Response:
            with responses.RequestsMock() as mocks:
                mocks.post("http://mocked/", status=201)
                return requests.post("http://mocked/", json={}, timeout=1)

        end, (seen,) = ended(call, {})
        assert end.status_code == 201
        assert seen.outcome is not None
        assert seen.outcome.status == 201

    def test_mocked_failure_stays(self) -> None:
        with responses.RequestsMock() as mocks:
            mocks.get("http://mocked/", body=requests.exceptions.ReadTimeout("mocked"))
            end, (seen,) = ended(lambda: requests.get("http://mocked/", timeout=1), {})
        assert str(end) == "mocked"
        assert seen.outcome is not None
        assert seen.outcome.exception == "ReadTimeout"

    def test_unmocked_call_fails_as_ever(self) -> None:
        with responses.RequestsMock() as mocks:
            end, _ = ended(lambda: requests.get("http://nobody/", timeout=1), {})
            assert "No mocks were registered" not in str(end)
            assert "Connection refused by Responses" in str(end)
            mocks.reset()

    def test_retries_run_through_mocks(self) -> None:
        with responses.RequestsMock() as mocks:
            mocks.get("http://mocked/", status=503)
            mocks.get("http://mocked/", body="second")
            session = retrying(Retry(3, status_forcelist=[503]))
            end, calls = ended(lambda: session.get("http://mocked/"), {})
        assert end.text == "second"
        assert counts(calls) == [1, 2]

    def test_mesh_is_reached_beside_mocks(self) -> None:
        with responses.RequestsMock(assert_all_requests_are_fired=False):
            end, _ = ended(lambda: requests.get("http://leaf/ok", timeout=1), LEAF)
        assert end.text == "fine"
