"""FILIBUSTER_URL_PATTERNS: what varies in URLs makes no difference between executions."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests
from flask import Flask, redirect
from flask.typing import ResponseReturnValue
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from flask_filibuster import FaultModel, Filibuster, explore
from flask_filibuster.config import Config
from flask_filibuster.core.url_patterns import UrlPattern, url_in_signature
from flask_filibuster.errors import ConfigError
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.exploring.driven.remote import RemoteSearch, RemoteSession
from flask_filibuster.exploring.options import Options
from flask_filibuster.exploring.session import surroundings
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.result import Result
from flask_filibuster.server.client.driver import RemoteDriver
from flask_filibuster.server.client.remote import RemoteServer
from flask_filibuster.server.conductor import Verdict
from flask_filibuster.server.http.app import create_app
from tests.support.callers import serving
from tests.support.foreign import foreign_server

DASHED = "550e8400-e29b-41d4-a716-446655440000"
PLAIN = DASHED.replace("-", "")
ONE_FAULT = FaultModel(exceptions=["ConnectionError"], default_statuses=[])
KEY = "FILIBUSTER_URL_PATTERNS"
# Every fault set is run that can show something new, and nothing but that.
SEARCH = {"FILIBUSTER_REDUCTION": "exact", "FILIBUSTER_CHECK_DETERMINISM": False}
COORDINATED = Config.read({"FILIBUSTER_TIMEOUT": 2, **SEARCH})
Patterns = list[Any]


def seen(path: str, *entries: Any) -> str:
    """What the signature of a call to that path has in its place."""
    patterns = tuple(map(UrlPattern.read, entries))
    return url_in_signature(f"http://orders:5003{path}", patterns).removeprefix("5003")


class TestUuid:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            (f"/o/{DASHED}", "/o/<uuid>"),
            (f"/o/{PLAIN}/x", "/o/<uuid>/x"),
            (f"/o/{DASHED.upper()}", "/o/<uuid>"),
            (f"/o?id={DASHED}&x=1", "/o?id=<uuid>&x=1"),
            (f"/o/order_{DASHED}.json", "/o/order_<uuid>.json"),
            (f"/urn%3auuid%3A{DASHED}", "/urn%3auuid%3A<uuid>"),
            (f"/{DASHED}/{PLAIN}", "/<uuid>/<uuid>"),
        ],
    )
    def test_is_replaced(self, path: str, expected: str) -> None:
        assert seen(path, "uuid") == expected

    @pytest.mark.parametrize(
        "path",
        [
            f"/o/{DASHED[:-1]}",
            f"/o/{DASHED}0",
            f"/o/0{DASHED}",
            f"/o/{PLAIN}0",
            f"/o/{PLAIN[:-1]}",
            f"/o/{PLAIN[:-1]}g",
            f"/o/x{PLAIN}",
            "/o/550e840-0e29b-41d4-a716-446655440000",
            f"/o/{DASHED.replace('-', '_')}",
        ],
    )
    def test_similar_text_stays(self, path: str) -> None:
        assert seen(path, "uuid") == path


class TestNumber:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/users/42", "/users/<number>"),
            ("/users/42/orders/7", "/users/<number>/orders/<number>"),
            ("/users/42?page=2&size=10", "/users/<number>?page=<number>&size=<number>"),
            ("/users?1699999999", "/users?<number>"),
            ("/users/7;v=8", "/users/<number>;v=<number>"),
        ],
    )
    def test_is_replaced(self, path: str, expected: str) -> None:
        assert seen(path, "number") == expected

    @pytest.mark.parametrize(
        "path",
        [
            "/v2/users",
            "/users/42a",
            "/users/a-42",
            "/users/4.2",
            "/users/-42",
            "/users/%42",
            "/users?id=42a&b=x42&c=4,2",
            "/users?42=x",
        ],
    )
    def test_is_a_whole_segment_or_value(self, path: str) -> None:
        assert seen(path, "number") == path

    def test_is_not_the_port(self) -> None:
        patterns = (UrlPattern.read("number"), UrlPattern.read("[0-9]+"))
        assert url_in_signature("http://orders:5003", patterns) == "5003/"
        assert url_in_signature("https://orders/5003", patterns[:1]) == "443/<number>"


class TestDate:
    @pytest.mark.parametrize(
        "text",
        [
            "2024-02-29",
            "2024-12-31T23",
            "2024-12-31T23:59",
            "2024-12-31t23:59:60z",
            "2024-12-31T23:59:59.123456+01:00",
            "2024-12-31T23%3A59%3A59.5%2B0100",
            "2024-12-31%2023%3a59%3a59",
            "2024-12-31+23:59:59-08:00",
            "2024-12-31 23:59:59",
            "20241231T235959Z",
            "20241231T2359",
            "1700000000",
            "1700000000123",
            "1700000000.1234567",
        ],
    )
    def test_is_replaced(self, text: str) -> None:
        assert seen(f"/days/{text}/x", "date") == "/days/<date>/x"
        assert seen(f"/days?on={text}&a=b", "date") == "/days?on=<date>&a=b"

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/report-2024-01-31.csv", "/report-<date>.csv"),
            ("/2024-01-01-2024-12-31", "/<date>-<date>"),
            ("/x%202024-01-01", "/x%20<date>"),
            ("/2024-01-01Tuesday", "/<date>Tuesday"),
        ],
    )
    def test_may_be_part_of_a_segment(self, path: str, expected: str) -> None:
        assert seen(path, "date") == expected

    @pytest.mark.parametrize(
        "path",
        [
            "/2024-13-01",
            "/2024-00-10",
            "/2024-01-32",
            "/24-01-01",
            "/2024-1-1",
            "/12024-01-01",
            "/2024-01-011",
            "/20240101",
            "/20241301T101010",
            "/170000000",
            "/17000000000",
            "/170000000012",
            "/17000000001234",
            "/5551234567",
            "/0123456789",
            "/x1700000000",
            "/1700000000x",
            "/a-1700000000",
        ],
    )
    def test_similar_text_stays(self, path: str) -> None:
        assert seen(path, "date") == path

    def test_is_what_programs_write(self) -> None:
        moment = datetime.now(timezone(timedelta(hours=2)))
        given: list[tuple[str, Any]] = [
            ("a", moment.isoformat()),
            ("b", str(moment)),
            ("c", moment.date()),
            ("d", time.time()),
            ("e", int(time.time())),
            ("f", int(time.time() * 1000)),
        ]
        url = requests.Request("GET", "http://orders/", params=given).prepare().url
        assert url is not None
        patterns = (UrlPattern.read("date"),)
        expected = "&".join(f"{name}=<date>" for name, _ in given)
        assert url_in_signature(url, patterns) == f"80/?{expected}"


class TestEntries:
    def test_regular_expression_becomes_a_mark(self) -> None:
        assert seen("/s/a1/b22?t=a3", r"[ab]\d+") == "/s/<varies>/<varies>?t=<varies>"

    def test_it_is_about_path_and_query(self) -> None:
        assert seen("/s/a?t=b", r"^/s/.*\?t") == "<varies>=b"

    @pytest.mark.parametrize("kind", [tuple, list])
    def test_pair_names_its_replacement(self, kind: Callable[[Any], Any]) -> None:
        entry = kind([r"/t-(\w)\w+", r"/\1"])
        assert seen("/t-abc/t-bcd", entry) == "/a/b"
        assert seen("/a/7", kind(["number", ":n"])) == "/a/:n"
        assert seen("/a/b", kind(["a", ""])) == "//b"

    def test_apply_in_their_order(self) -> None:
        assert seen("/1700000000", "date", "number") == "/<date>"
        assert seen("/1700000000", "number", "date") == "/<number>"
        assert seen("/a1", ("a", "b"), ("b", "c")) == "/c1"

    @pytest.mark.parametrize(
        ("value", "entry", "why"),
        [
            (["uuid", "("], "'('", "is not a regular expression"),
            (
                ["a{999999999999999999999}"],
                "'a{999999999999999999999}'",
                "not a regular expression",
            ),
            (["uuids"], "'uuids'", "neither a built-in name"),
            ([""], "''", "neither a built-in name"),
            ([r"\d*"], repr(r"\d*"), "matches the empty string"),
            ([("", "x")], "''", "matches the empty string"),
            ([("(", "x")], "'('", "is not a regular expression"),
            ([("a", r"\1")], repr(r"\1"), "is invalid"),
            ([("a", r"\g<b>")], repr(r"\g<b>"), "is invalid"),
            ([("a",)], "('a',)", "neither"),
            ([("a", "b", "c")], "('a', 'b', 'c')", "neither"),
            ([("a", 1)], "('a', 1)", "neither"),
            ([7], "7", "neither"),
            ([None], "None", "neither"),
            ([b"uuid"], "b'uuid'", "neither"),
            ("uuid", "", "a list of 'uuid', 'number', 'date'"),
            ({"uuid"}, "", "a list of 'uuid', 'number', 'date'"),
            (None, "", "a list of 'uuid', 'number', 'date'"),
        ],
    )
    def test_bad_entry_is_refused(self, value: Any, entry: str, why: str) -> None:
        """When the extension is set up."""
        app = Flask("app")
        app.config[KEY] = value
        with pytest.raises(ConfigError) as caught:
            Filibuster(app)
        message = str(caught.value)
        assert message.startswith(f"{KEY} is {value!r}; it must be a list of")
        assert why in message
        assert entry in message.partition("; ")[2]

    def test_none_are_configured_by_default(self) -> None:
        assert Config.read({}).url_patterns == ()
        assert Config.read({KEY: ["uuid"]}).url_patterns[0].replacement == "<uuid>"


def leaf(*path: str, **_: str) -> ResponseReturnValue:
    return "fine"


def services(call: Callable[[], ResponseReturnValue], patterns: Patterns) -> dict[str, Flask]:
    """A front service that calls, and one that can be called with anything."""
    front, back = Flask("front"), Flask("back")
    front.config.update({KEY: patterns, **SEARCH})
    front.add_url_rule("/", "index", call)
    front.add_url_rule("/<path:path>", "any", lambda path: call())
    back.add_url_rule("/<path:path>", "any", leaf)
    back.add_url_rule("/moved/<path>", "moved", lambda path: redirect(f"/to/{uuid.uuid4()}"))
    return {"http://front:5000": front, "http://back:5001": back}


def call_something() -> ResponseReturnValue:
    try:
        requests.get(f"http://back:5001/orders/{uuid.uuid4()}", timeout=5).raise_for_status()
    except requests.RequestException:
        return "none"
    return "some"


def to_front() -> None:
    assert requests.get("http://front:5000/", timeout=5).ok


def verdicts(result: Result) -> list[str]:
    return [execution.verdict for execution in result.executions]


class TestCallsOfServices:
    def test_url_with_fresh_id_is_explored(self) -> None:
        result = explore(to_front, services(call_something, ["uuid"]), ONE_FAULT)
        assert verdicts(result) == ["passed"] * 2
        (call,) = result.executions[1].trace.invocations
        assert call.fault is not None

    def test_without_the_pattern_it_proves_nothing(self) -> None:
        result = explore(to_front, services(call_something, ["number"]), ONE_FAULT)
        assert verdicts(result)[:2] == ["passed", "inconclusive"]

    def test_shown_url_is_the_called_one(self) -> None:
        result = explore(to_front, services(call_something, ["uuid"]), ONE_FAULT)
        urls = [execution.trace.invocations[0].url for execution in result.executions]
        assert len(set(urls)) == 2
        assert not any("<uuid>" in url for url in urls)
        (planned,) = result.executions[1].faults
        assert urls[0] in str(planned)

    def test_otherwise_equal_calls_are_counted(self) -> None:
        def call_both() -> ResponseReturnValue:
            return "".join(str(call_something()) for _ in range(2))

        result = explore(to_front, services(call_both, ["uuid"]), ONE_FAULT)
        assert verdicts(result) == ["passed"] * 4
        first, second = (call.index.pairs[-1] for call in result.executions[0].trace.invocations)
        assert first[0] == second[0]
        assert (first[1], second[1]) == (1, 2)

    def test_patterns_belong_to_the_caller(self) -> None:
        apps = services(call_something, [])
        apps["http://back:5001"].config[KEY] = ["uuid"]
        assert "inconclusive" in verdicts(explore(to_front, apps, ONE_FAULT))

    def test_redirect_that_varies_is_followed(self) -> None:
        def call() -> ResponseReturnValue:
            try:
                return requests.get("http://back:5001/moved/x", timeout=5).text
            except requests.RequestException:
                return "none"

        result = explore(to_front, services(call, ["uuid"]), ONE_FAULT)
        assert verdicts(result) == ["passed"] * 3

    def test_retry_keeps_the_signature(self) -> None:
        def call() -> ResponseReturnValue:
            with requests.Session() as session:
                session.mount("http://", HTTPAdapter(max_retries=Retry(1)))
                try:
                    return session.get(f"http://back:5001/{uuid.uuid4()}", timeout=5).text
                except requests.RequestException:
                    return "none"

        result = explore(to_front, services(call, ["uuid"]), ONE_FAULT)
        assert verdicts(result) == ["passed"] * 3
        counts = [call.index.pairs[-1][1] for call in result.executions[2].trace.invocations]
        assert counts == [1, 2]

    def test_without_patterns_urls_are_exact(self) -> None:
        url = f"http://back:5001/{DASHED}/7?on=2024-01-31"
        assert url_in_signature(url, ()) == url.removeprefix("http://back:")


def word() -> str:
    """Another word each time, which only a pattern can tell from the words of an API."""
    return uuid.uuid4().hex.translate(str.maketrans("0123456789", "ghijklmnop"))


class TestRequestsOfTests:
    def test_made_with_requests(self) -> None:
        def test() -> None:
            assert requests.get(f"http://front:5000/{word()}", timeout=5).ok

        varying = services(call_something, ["uuid", "/[a-p]{32}"])
        assert verdicts(explore(test, varying, ONE_FAULT)) == ["passed", "passed"]
        plain = explore(test, services(call_something, [r"/orders/.+"]), ONE_FAULT)
        assert "inconclusive" in verdicts(plain)

    def test_made_with_a_test_client(self) -> None:
        apps = services(call_something, ["uuid", "/[a-p]{32}"])

        def test() -> None:
            assert apps["http://front:5000"].test_client().get(f"/{word()}").text

        assert verdicts(explore(test, apps, ONE_FAULT)) == ["passed"] * 2
        apps["http://front:5000"].config[KEY] = [r"/orders/.+"]
        assert "inconclusive" in verdicts(explore(test, apps, ONE_FAULT))

    def test_made_in_a_thread(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        def test() -> None:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(requests.get, f"http://front:5000/{uuid.uuid4()}", timeout=5).result()

        result = explore(test, services(call_something, ["uuid"]), ONE_FAULT)
        assert verdicts(result) == ["passed"] * 2

    def test_made_where_a_server_elsewhere_decides(self, stack: ExitStack) -> None:
        coordinator = Coordinator(Options(faults=ONE_FAULT), COORDINATED)
        remote = RemoteServer(stack.enter_context(serving(create_app(coordinator, version="0"))))
        stack.callback(remote.close)
        driver = RemoteDriver(remote)
        search: Any = RemoteSearch(driver, {})
        session = RemoteSession(driver, timeout=2, seal=None)
        with surroundings(services(call_something, ["uuid"])) as around:
            while (faults := search.next()) is not None:
                with session.execution(faults, around) as watcher:
                    requests.get(f"http://front:5000/{uuid.uuid4()}", timeout=5)
                search.learn(faults, session.observe(watcher, None))
        assert verdicts(search.result()) == ["passed"] * 2


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def served_front(stack: ExitStack, server_url: str, patterns: Patterns) -> Flask:
    """The front service, told of a server elsewhere, and the one that it calls on a socket."""
    back = Flask("back")
    back.add_url_rule("/<path:path>", "any", leaf)
    base = stack.enter_context(serving(back))

    def call(path: str) -> ResponseReturnValue:
        try:
            return requests.get(f"{base}/{uuid.uuid4()}", timeout=5).text
        except requests.RequestException:
            return "none"

    front = Flask("front")
    front.config[KEY] = patterns
    front.add_url_rule("/<path:path>", "any", call)
    Filibuster(front, server_url=server_url)
    stack.callback(front.extensions["filibuster"].disconnect)
    return front


class TestRequestsFromOutside:
    @pytest.mark.parametrize(
        ("patterns", "expected"), [(["uuid"], ["passed", "passed"]), ([], ["passed"])]
    )
    def test_are_recognised_by_their_service(
        self, stack: ExitStack, patterns: Patterns, expected: list[str]
    ) -> None:
        coordinator = Coordinator(Options(faults=ONE_FAULT), COORDINATED)
        server = stack.enter_context(serving(create_app(coordinator, version="0")))
        client = served_front(stack, server, patterns).test_client()
        exploration = coordinator.open("fresh ids")
        executions: list[Execution] = []
        while exploration.has_next(len(executions) + 1) is not None and len(executions) < 3:
            assert client.get(f"/{uuid.uuid4()}").status_code == 200
            number = len(executions) + 1
            executions.append(exploration.complete(number, Verdict(failed=False)))
        seen = [execution.verdict for execution in executions]
        assert (seen == expected) if patterns else ("inconclusive" in seen)
        request = executions[0].trace.requests[0]
        assert "<uuid>" not in request.url
        assert ("GET 80/<uuid>" in request.index) == bool(patterns)

    def test_keep_their_index_for_foreign_servers(self, stack: ExitStack) -> None:
        foreign = stack.enter_context(foreign_server())
        client = served_front(stack, foreign.url, ["uuid"]).test_client()
        indexes = []
        for _ in range(2):
            foreign.next_execution()
            assert client.get(f"/{uuid.uuid4()}").text == "fine"
            (create,) = foreign.of_kind("invocation")
            indexes.append(create.content["execution_index"])
            assert "<uuid>" not in create.content["args"][0]
        assert indexes[0] == indexes[1]
        assert '"GET 80/<uuid>"' in indexes[0]
        asked = [each.path for each in foreign.told if "new-test-execution" in each.path]
        assert asked == ["/filibuster/new-test-execution/front"]
