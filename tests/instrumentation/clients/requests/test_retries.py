"""Each attempt of a retry policy is a call, and can be failed."""

from __future__ import annotations

import io
import socket
from typing import Any
from unittest import mock

import pytest
import requests
from flask import request
from flask.typing import ResponseReturnValue
from urllib3 import Retry

from flask_filibuster import FaultModel, explore
from flask_filibuster.core.fault import Fault
from tests.support import requesting
from tests.support.callers import (
    LEAF,
    REFUSED,
    UNAVAILABLE,
    MakeCall,
    View,
    end_of,
    ended,
    listening,
    ok,
    service,
    serving,
    story,
    unavailable,
)
from tests.support.requesting import counts, retrying

dead = requesting.dead


class TestRetries:
    def test_each_attempt_is_a_call(self) -> None:
        session = retrying(Retry(3, status_forcelist=[503]))
        answers = iter([503, 503, 200])

        def third_time() -> ResponseReturnValue:
            return "answer", next(answers)

        services = {"http://leaf": service(third_time=third_time)}
        end, calls = ended(lambda: session.get("http://leaf/third_time"), services)
        assert end.status_code == 200
        assert counts(calls) == [1, 2, 3]
        assert len({call.index.pairs[-1][0] for call in calls}) == 1
        assert [call.outcome and call.outcome.status for call in calls] == [503, 503, 200]

    @pytest.mark.parametrize(
        "fault",
        [
            REFUSED,
            UNAVAILABLE,
            Fault(exception="ReadTimeout"),
            Fault(exception="ConnectTimeout"),
            Fault(exception="ConnectionError", abort=False),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("where", ["mesh", "socket"])
    def test_second_attempt_can_succeed(self, fault: Fault, where: str) -> None:
        session = retrying(Retry(1, status_forcelist=[503]))
        if where == "mesh":
            end, calls = ended(lambda: session.get("http://leaf/ok", timeout=2), LEAF, (0, fault))
        else:
            with serving(service(ok=ok)) as url, session:
                end, calls = ended(lambda: session.get(f"{url}/ok", timeout=2), {}, (0, fault))
        assert end.text == "fine"
        assert counts(calls) == [1, 2]
        assert [call.fault for call in calls] == [fault, None]

    @pytest.mark.parametrize(
        "name", ["ChunkedEncodingError", "ContentDecodingError", "RetryError", "TooManyRedirects"]
    )
    def test_later_errors_are_not_retried(self, name: str) -> None:
        """Errors that come about after the attempts."""
        session = retrying(Retry(3))
        fault = Fault(exception=name)
        end, calls = ended(lambda: session.get("http://leaf/ok"), LEAF, (0, fault))
        assert type(end).__name__ == name
        assert len(calls) == 1

    def test_every_attempt_is_explored(self) -> None:
        session = retrying(Retry(2))
        result = explore(
            lambda: requests.get("http://front/call", timeout=5),
            {"http://front": service(call=lambda: session.get("http://leaf/ok").text), **LEAF},
            FaultModel(exceptions=("ConnectionError",), default_statuses=()),
        )
        assert [len(each.faults) for each in result.executions] == [0, 1, 2, 3]
        assert [len(each.trace.invocations) for each in result.executions] == [1, 2, 3, 3]
        assert [len(each.faults) for each in result.executions if each.verdict != "passed"] == []
        (crash,) = [each for each in result.findings if each.kind == "uncaught exception"]
        assert len(crash.faults) == 3

    @pytest.mark.parametrize(
        ("method", "policy", "view"),
        [
            pytest.param("GET", Retry(2, status_forcelist=[503]), unavailable, id="exhausted"),
            pytest.param(
                "GET",
                Retry(2, status_forcelist=[503], raise_on_status=False),
                unavailable,
                id="not-raised",
            ),
            pytest.param(
                "GET", Retry(None, status=1, status_forcelist=[503]), unavailable, id="no-total"
            ),
            pytest.param("GET", Retry(0, status_forcelist=[503]), unavailable, id="no-retry"),
            pytest.param("GET", Retry(False, status_forcelist=[503]), unavailable, id="disabled"),
            pytest.param(
                "GET", Retry(5, status=1, status_forcelist=[503]), unavailable, id="status"
            ),
            pytest.param("GET", Retry(3, status_forcelist=[500]), unavailable, id="not-listed"),
            pytest.param("POST", Retry(3, status_forcelist=[503]), unavailable, id="post"),
            pytest.param(
                "POST",
                Retry(2, status_forcelist=[503], allowed_methods=None),
                unavailable,
                id="every-method",
            ),
            pytest.param(
                "PUT",
                Retry(2, status_forcelist=[503], allowed_methods=["GET"]),
                unavailable,
                id="method-not-allowed",
            ),
            pytest.param("GET", Retry(2), unavailable, id="nothing-listed"),
            pytest.param("GET", 2, unavailable, id="number"),
            pytest.param(
                "GET", Retry(2), lambda: ("later", 503, {"Retry-After": "0"}), id="retry-after"
            ),
            pytest.param(
                "GET",
                Retry(2, respect_retry_after_header=False),
                lambda: ("later", 503, {"Retry-After": "0"}),
                id="retry-after-ignored",
            ),
            pytest.param(
                "POST", Retry(2), lambda: ("later", 503, {"Retry-After": "0"}), id="post-after"
            ),
        ],
    )
    def test_statuses_end_as_with_real_requests(self, method: str, policy: Any, view: View) -> None:
        attempts = []

        def counted() -> ResponseReturnValue:
            attempts.append(request.method)
            return view()

        def call() -> requests.Response:
            with retrying(policy) as session:
                return session.request(method, f"{url}/counted", timeout=5)

        app = service(counted=counted)
        with serving(app) as url:
            real = story(end_of(call))
            count = len(attempts)
            over_socket, calls_over_socket = ended(call, {})
        in_mesh, calls_in_mesh = ended(call, {url: app})
        assert story(over_socket) == real
        assert story(in_mesh) == real
        assert counts(calls_over_socket) == counts(calls_in_mesh) == list(range(1, count + 1))
        assert len(attempts) == 3 * count

    @pytest.mark.parametrize(
        ("method", "policy"),
        [
            pytest.param("GET", Retry(2), id="total"),
            pytest.param("GET", Retry(5, connect=1), id="connect"),
            pytest.param("GET", Retry(None, connect=2), id="no-total"),
            pytest.param("GET", Retry(3, connect=False), id="connect-disabled"),
            pytest.param("GET", Retry(False), id="disabled"),
            pytest.param("GET", Retry(0), id="zero"),
            pytest.param("POST", Retry(2), id="post"),
            pytest.param("GET", Retry(2, read=False), id="read-disabled"),
        ],
    )
    def test_refused_connections_end_as_real(self, method: str, policy: Retry, dead: str) -> None:
        def call() -> requests.Response:
            with retrying(policy) as session:
                return session.request(method, f"{dead}/x", timeout=5)

        real = story(end_of(call))
        assert story(ended(call, {})[0]) == real
        injected, count = self.all_failed(call, dead, ("ConnectionError",), ())
        assert story(injected) == real
        assert count == len(ended(call, {})[1])

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("method", "policy"),
        [
            pytest.param("GET", Retry(2), id="total"),
            pytest.param("GET", Retry(5, read=1), id="read"),
            pytest.param("GET", Retry(3, read=False), id="read-disabled"),
            pytest.param("POST", Retry(2), id="post"),
            pytest.param("POST", Retry(1, allowed_methods=None), id="every-method"),
            pytest.param("GET", Retry(0), id="zero"),
            pytest.param("GET", Retry(0, status_forcelist=[503]), id="zero-with-list"),
            pytest.param("GET", Retry(False), id="disabled"),
        ],
    )
    @pytest.mark.parametrize("how", ["closed", "timeout"])
    def test_lost_answers_end_as_real(self, method: str, policy: Retry, how: str) -> None:
        def call() -> requests.Response:
            with retrying(policy) as session:
                return session.request(method, f"{url}/x", timeout=(5, patience))

        patience = 5 if how == "closed" else 0.1
        with listening(socket.socket.close if how == "closed" else lambda _: None) as url:
            real = story(end_of(call))
            over_socket, calls = ended(call, {})
        assert story(over_socket) == real
        lost = "ConnectionError" if how == "closed" else "ReadTimeout"
        injected, count = self.all_failed(call, url, (), (lost,))
        assert story(injected) == real
        assert count == len(calls)

    @staticmethod
    def all_failed(
        call: MakeCall, url: str, exceptions: tuple[str, ...], lost: tuple[str, ...]
    ) -> tuple[Any, int]:
        """What a call ends in that fails whenever it is tried, and how often it is."""
        ends = []

        def view() -> ResponseReturnValue:
            ends.append(end_of(call))
            return "done"

        result = explore(
            lambda: requests.get("http://front/view", timeout=5),
            {"http://front": service(view=view), url: service(x=ok)},
            FaultModel(exceptions=exceptions, default_statuses=(), lost_answers=lost),
            reduction="none",
        )
        assert {each.verdict for each in result.executions} == {"passed"}, result.inconclusive
        last = result.executions[-1]
        calls = last.trace.invocations
        assert len(last.faults) == len(calls)
        return ends[-1], len(calls)

    @pytest.mark.slow
    @pytest.mark.parametrize("where", ["mesh", "injected"])
    def test_policy_decides_the_wait(self, where: str) -> None:
        def call() -> requests.Response:
            policy = Retry(2, status_forcelist=[503], backoff_factor=0.25)
            return retrying(policy).get("http://leaf/later", timeout=2)

        after = {"Retry-After": "7"} if where == "mesh" else {}
        services = {"http://leaf": service(later=lambda: ("later", 503, after), ok=ok)}
        with mock.patch("urllib3.util.retry.time.sleep") as sleep:
            ended(call, services)
        waited = [each.args[0] for each in sleep.call_args_list]
        assert waited == ([7, 7] if where == "mesh" else [0.5])

    @pytest.mark.parametrize("where", ["mesh", "socket"])
    def test_files_are_rewound(self, where: str) -> None:
        received = []

        def take() -> ResponseReturnValue:
            received.append(request.get_data())
            return "fine" if len(received) % 2 == 0 else ("later", 503)

        def call() -> requests.Response:
            file = io.BytesIO(b"skipped, sent")
            file.seek(len(b"skipped, "))
            with retrying(Retry(1, status_forcelist=[503], allowed_methods=None)) as session:
                return session.post(f"{url}/take", data=file, timeout=2)

        app = service(take=take)
        with serving(app) as url:
            end, _ = ended(call, {url: app} if where == "mesh" else {})
        assert end.text == "fine"
        assert received == [b"sent", b"sent"]

    def test_requests_of_tests_are_retried(self) -> None:
        answers = iter([503, 200])
        app = service(second_time=lambda: ("answer", next(answers)))

        def test() -> None:
            response = retrying(Retry(1, status_forcelist=[503])).get("http://leaf/second_time")
            assert response.status_code == 200

        (execution,) = explore(test, {"http://leaf": app}, max_executions=1).executions
        assert execution.verdict == "passed", execution.error
        assert [call.index for call in execution.trace.requests] == [
            '[["GET 80/second_time", 1]]',
            '[["GET 80/second_time", 2]]',
        ]

    def test_excluded_calls_are_retried(self) -> None:
        answers = iter([503, 200])
        end, calls = ended(
            lambda: retrying(Retry(1, status_forcelist=[503])).get("http://leaf/view"),
            {"http://leaf": service(view=lambda: ("answer", next(answers)))},
            config={"FILIBUSTER_EXCLUDED_HOSTS": ["leaf"]},
        )
        assert end.status_code == 200
        assert calls == ()
