"""Judgements of retries: each with twins in which there is nothing to be found."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import requests
from flask import Flask, request
from flask.typing import ResponseReturnValue
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from flask_filibuster import Fault, FaultModel, explore
from flask_filibuster.results.result import Result

NO_DELAY, LASTING = "retry without delay", "retry of a lasting error"
NESTED, TOO_EARLY = "nested retries", "retry after ignored"
STOCK = "http://stock:5001"
LATER = Fault.of("retry later", after=2)
View = Callable[[], ResponseReturnValue]


def get(path: str = "/7", **options: object) -> requests.Response | None:
    try:
        return requests.get(STOCK + path, timeout=1, **options)  # type: ignore[arg-type]
    except requests.RequestException:
        return None


def found(
    view: View, *faults: Fault | int | str, outages: bool = True, most: int = 40
) -> list[str]:
    """The warnings about retries in a shop with this page."""
    front, stock = Flask("front"), Flask("stock")
    front.add_url_rule("/", view_func=view, endpoint="page")
    states = iter(range(10_000))

    @stock.get("/7")
    @stock.get("/<int:page>")
    def goods(page: int = 7) -> ResponseReturnValue:
        return {"left": 7, "page": page}

    @stock.route("/jobs", methods=["GET"])
    def jobs() -> ResponseReturnValue:
        return ("", 404) if next(states) % 3 < 2 else {"done": True}

    services = {"http://front:5000": front, STOCK: stock}
    return warned(services, faults, outages=outages, most=most)


def warned(
    services: dict[str, Flask],
    faults: tuple[Fault | int | str, ...],
    *,
    outages: bool = True,
    most: int = 40,
) -> list[str]:
    def test() -> None:
        answer = requests.get("http://front:5000/", timeout=500)
        assert answer.status_code in (200, 503)

    model = FaultModel((), default_statuses=(), faults=faults)
    result = explore(test, services, model, outages=outages, max_executions=most, journal=False)
    assert result.executions[0].verdict == "passed"
    assert not [each for each in result.findings if each.broken], result
    return about_retries(result)


def about_retries(result: Result) -> list[str]:
    kinds = (NO_DELAY, LASTING, NESTED, TOO_EARLY)
    for finding in result.findings:
        if finding.kind in kinds:
            assert finding.severity == "warning"
            assert finding.site is not None
            assert finding.faults
    return [each.kind for each in result.findings if each.kind in kinds]


def three_times(
    pause: Callable[[int], float], retried: Callable[[int], bool]
) -> ResponseReturnValue:
    for attempt in range(3):
        answer = get()
        if answer is not None and not retried(answer.status_code):
            return ("", 200 if answer.ok else 503)
        if attempt < 2:
            time.sleep(pause(attempt))
    return "", 503


def transient(status: int) -> bool:
    return status in (429, 500, 502, 503, 504)


class TestDelay:
    @pytest.mark.parametrize("fault", ["ConnectionError", 503])
    def test_three_attempts_at_once(self, fault: str | int) -> None:
        assert found(lambda: three_times(lambda _: 0, transient), fault) == [NO_DELAY]

    def test_message_counts_attempts(self) -> None:
        front, stock = Flask("front"), Flask("stock")
        front.add_url_rule("/", view_func=lambda: three_times(lambda _: 0, transient))
        stock.add_url_rule("/7", view_func=lambda: "7")
        model = FaultModel(("ConnectionError",), default_statuses=())
        services = {"http://front:5000": front, STOCK: stock}
        result = explore(lambda: requests.get("http://front:5000/"), services, model, journal=False)
        (warning,) = [each for each in result.warnings if each.kind == NO_DELAY]
        assert warning.message == (
            "front tries GET http://stock:5001/7 up to 3 times with less than 0.1 s between the "
            "attempts"
        )

    @pytest.mark.parametrize(
        "pause",
        [
            pytest.param(lambda _: 0.1, id="constant"),
            pytest.param(lambda attempt: 0.1 * 2**attempt, id="exponential"),
            pytest.param(lambda attempt: attempt * 1.0, id="at once and then later"),
        ],
    )
    def test_backoff_is_clean(self, pause: Callable[[int], float]) -> None:
        assert found(lambda: three_times(pause, transient), "ConnectionError", 503) == []

    def test_single_repetition_is_clean(self) -> None:
        def page() -> ResponseReturnValue:
            return {"found": (get() or get()) is not None}

        assert found(page, "ConnectionError") == []

    @pytest.mark.parametrize(("factor", "expected"), [(0, [NO_DELAY]), (0.5, [])])
    def test_retries_of_a_session(self, factor: float, expected: list[str]) -> None:
        def page() -> ResponseReturnValue:
            with requests.Session() as session:
                retry = Retry(4, status_forcelist=(503,), backoff_factor=factor)
                session.mount("http://", HTTPAdapter(max_retries=retry))
                try:
                    return ("", 200 if session.get(f"{STOCK}/7", timeout=1).ok else 503)
                except requests.RequestException:
                    return "", 503

        assert found(page, 503) == expected


class TestLastingErrors:
    @pytest.mark.parametrize("status", [400, 404, 422])
    def test_retried(self, status: int) -> None:
        page = lambda: three_times(lambda _: 1, lambda status: status >= 400)  # noqa: E731
        assert found(page, status) == [LASTING]

    @pytest.mark.parametrize("status", [401, 429, 500, 503])
    def test_others_are_clean(self, status: int) -> None:
        page = lambda: three_times(lambda _: 1, lambda status: status >= 400)  # noqa: E731
        assert found(page, status) == []

    def test_given_up_is_clean(self) -> None:
        assert found(lambda: three_times(lambda _: 1, transient), 400, 404, 503) == []

    def test_other_host_is_clean(self) -> None:
        def page() -> ResponseReturnValue:
            for host in (STOCK, "http://stock:5001/"):
                answer = requests.get(f"{host.rstrip('/')}/{len(host)}", timeout=1)
                if answer.ok:
                    return "fine"
            return "", 503

        assert found(page, 404) == []


@pytest.mark.slow
class TestNoRetries:
    """Calls that look alike, and are none."""

    FAULTS = ("ConnectionError", 404, 503, LATER)

    def test_pages(self) -> None:
        def page() -> ResponseReturnValue:
            return {"found": [get(f"/{number}") is not None for number in range(1, 5)]}

        assert found(page, *self.FAULTS) == []

    def test_items_of_a_loop(self) -> None:
        def page() -> ResponseReturnValue:
            return {"found": [get() is not None for _ in range(4)]}

        assert found(page, *self.FAULTS) == []

    def test_items_of_a_fallback(self) -> None:
        def page() -> ResponseReturnValue:
            first = get("/1")
            if first is not None and first.ok:
                return "fine"
            return {"found": [get() is not None for _ in range(3)]}

        assert found(page, *self.FAULTS) == []

    def test_polling(self) -> None:
        def page() -> ResponseReturnValue:
            for _ in range(6):
                answer = get("/jobs")
                if answer is not None and answer.ok:
                    return "done"
                time.sleep(1)
            return "", 503

        assert found(page, 404, outages=False) == []

    def test_polling_with_other_parameters(self) -> None:
        def page() -> ResponseReturnValue:
            for number in range(5):
                answer = get("/7", params={"since": number})
                if answer is not None and answer.ok:
                    return "done"
            return "", 503

        assert found(page, *self.FAULTS) == []

    def test_other_credential(self) -> None:
        def page() -> ResponseReturnValue:
            for token in ("old", "new"):
                answer = get(headers={"Authorization": token})
                if answer is not None and answer.status_code != 401:
                    return ("", 200 if answer.ok else 503)
            return "", 503

        assert found(page, 401, "credential expired") == []

    def test_call_between(self) -> None:
        """What was missing is made."""

        def page() -> ResponseReturnValue:
            answer = get()
            if answer is not None and answer.status_code == 404:
                get("/1")
                get()
            return "fine"

        assert found(page, 404) == []


def two_layers(inner: int, outer: int, statuses: tuple[int, ...]) -> dict[str, Flask]:
    """A front that retries its middle, which retries its stock."""
    front, middle, stock = Flask("front"), Flask("middle"), Flask("stock")

    def tried(times: int, url: str) -> ResponseReturnValue:
        for attempt in range(times):
            try:
                answer = requests.get(url, timeout=400)
                if answer.status_code not in statuses:
                    return ("", 200 if answer.ok else 503)
            except requests.RequestException:
                pass
            time.sleep(1 + attempt)
        return "", 503

    front.add_url_rule("/", view_func=lambda: tried(outer, "http://middle:5002/"))
    middle.add_url_rule("/", view_func=lambda: tried(inner, f"{STOCK}/7"))
    stock.add_url_rule("/7", view_func=lambda: "7")
    return {"http://front:5000": front, "http://middle:5002": middle, STOCK: stock}


@pytest.mark.slow
class TestNesting:
    def test_attempts_multiply(self) -> None:
        assert warned(two_layers(3, 3, (503,)), ("ConnectionError",), most=60) == [NESTED]

    @pytest.mark.parametrize(("inner", "outer"), [(3, 1), (1, 3)])
    def test_one_layer_is_clean(self, inner: int, outer: int) -> None:
        assert warned(two_layers(inner, outer, (503,)), ("ConnectionError",), most=60) == []

    def test_status_that_is_not_retried(self) -> None:
        """The middle gives up with a status that the front takes for final."""
        assert warned(two_layers(3, 3, ()), ("ConnectionError",), most=60) == []


def obeying(share: float) -> View:
    """Wait for this share of the time that the callee asks for."""

    def page() -> ResponseReturnValue:
        for _ in range(2):
            answer = get()
            if answer is not None and answer.status_code != 429:
                return ("", 200 if answer.ok else 503)
            after = answer.headers.get("Retry-After", "2") if answer is not None else "1"
            time.sleep(share * (float(after) if after.isdigit() else 5))
        return "", 503

    return page


class TestRetryAfter:
    @pytest.mark.parametrize("form", ["seconds", "date"])
    def test_earlier_attempt(self, form: str) -> None:
        fault = Fault.of("retry later", after=5, form=form)
        assert found(obeying(0.3), fault) == [TOO_EARLY]
        assert found(obeying(1), fault) == []

    def test_session_that_obeys(self) -> None:
        def page() -> ResponseReturnValue:
            with requests.Session() as session:
                retry = Retry(3, status_forcelist=(429,), backoff_factor=0.1)
                session.mount("http://", HTTPAdapter(max_retries=retry))
                try:
                    return ("", 200 if session.get(f"{STOCK}/7", timeout=1).ok else 503)
                except requests.RequestException:
                    return "", 503

        assert found(page, LATER) == []

    @pytest.mark.parametrize("after", [0, 100_000])
    def test_time_that_nobody_waits(self, after: int) -> None:
        assert found(obeying(1 / 1000), Fault.of("retry later", after=after)) == []


def test_switched_off_by_name() -> None:
    front, stock = Flask("front"), Flask("stock")
    front.add_url_rule("/", view_func=lambda: three_times(lambda _: 0, transient))
    stock.add_url_rule("/7", view_func=lambda: request.path)
    services = {"http://front:5000": front, STOCK: stock}
    model = FaultModel(("ConnectionError",), default_statuses=())
    result = explore(
        lambda: requests.get("http://front:5000/"),
        services,
        model,
        oracles=["retry-without-delay"],
        journal=False,
    )
    assert about_retries(result) == []
