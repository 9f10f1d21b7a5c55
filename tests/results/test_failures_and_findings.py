"""What is told of an exploration: its failures, its findings, and the fault model behind them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from requests import RequestException

from flask_filibuster import FaultModel, explore
from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.errors import CounterexampleError, FaultModelError
from flask_filibuster.exploring.explore import replay
from flask_filibuster.results import findings
from flask_filibuster.results.bug import Failure
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.result import Result

Services = dict[str, Flask]

PROTOCOL_EXAMPLE = {
    "python.requests": {
        "pattern": r"requests\.(get|put|post|head)",
        "exceptions": [
            {"name": "requests.exceptions.ConnectionError"},
            {"name": "requests.exceptions.Timeout", "restrictions": "timeout"},
        ],
    },
    "http": {
        "pattern": r"requests\.(get|put|post|head)",
        "errors": [
            {
                "service_name": "bookings.*",
                "types": [
                    {"return_value": {"status_code": "500"}},
                    {"return_value": {"status_code": "404"}},
                ],
            }
        ],
    },
}


def refused(**statuses: tuple[int, ...]) -> FaultModel:
    return FaultModel(("ConnectionError",), statuses=statuses, default_statuses=())


def call(
    service: str = "bookings",
    method: str = "GET",
    timeout: tuple[float | None, float | None] = (1.0, 1.0),
    url: str = "http://bookings:5003/",
) -> Call:
    index = ROOT.child("GET /", 1).child(f"{method} {service}", 1)
    return Call(index, "users", service, method, url, timeout=timeout)


def ways(model: FaultModel, invocation: Call) -> list[str]:
    """How a call can fail, in short."""
    return [f"{fault.outcome}" for fault in model.faults_of(invocation)]


def failed_services(faults: FaultSet) -> list[str]:
    return [planned.service for planned in faults]


def line_of(function: Callable[..., Any], text: str) -> int:
    """Number of the line of a function that has this text."""
    lines, first = inspect.getsourcelines(function)
    return next(first + number for number, line in enumerate(lines) if text in line)


# Failures


def page_of_two(stars: str = "http://stars:5001/", texts: str = "http://texts:5002/") -> Services:
    """A page that lists which of its two parts are missing."""
    page = Flask("page")

    @page.get("/")
    def show_page() -> ResponseReturnValue:
        return jsonify([url for url in (stars, texts) if not is_up(url)])

    return {"http://page:5000": page, stars: leaf("stars"), texts: leaf("texts")}


def is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except RequestException:
        return False


def leaf(name: str) -> Flask:
    app = Flask(name)

    @app.route("/", methods=["GET", "POST", "PUT"])
    def answer() -> ResponseReturnValue:
        return name

    return app


def missing_parts() -> list[str]:
    parts: list[str] = requests.get("http://page:5000/", timeout=10).json()
    return parts


def causes(failures: tuple[Failure, ...]) -> list[list[str]]:
    return [failed_services(failure.faults) for failure in failures]


def test_two_assertions_are_two_bugs() -> None:
    def test() -> None:
        missing = missing_parts()
        assert "http://stars:5001/" not in missing, "no stars"
        assert "http://texts:5002/" not in missing, "no texts"

    result = explore(test, page_of_two(), refused())
    assert not result.ok
    assert causes(result.failures) == [["stars"], ["texts"]]
    assert [str(failure.error).partition("\n")[0] for failure in result.failures] == [
        "no stars",
        "no texts",
    ]


def test_two_causes_are_two_bugs() -> None:
    """One assertion fails because of either of two calls."""

    def test() -> None:
        assert not missing_parts()

    result = explore(test, page_of_two(), refused())
    assert causes(result.failures) == [["stars"], ["texts"]]


def test_two_exceptions_are_two_bugs() -> None:
    """At one line."""

    def test() -> None:
        missing = missing_parts()
        if missing:
            raise ValueError(missing) if len(missing) == 2 else KeyError(missing)

    result = explore(test, page_of_two(), refused())
    assert causes(result.failures) == [["stars"], ["texts"], ["stars", "texts"]]
    assert [type(failure.error) for failure in result.failures] == [KeyError, KeyError, ValueError]


def test_two_lines_are_two_bugs() -> None:
    """Though one call is to blame for both."""
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        try:
            return "", requests.get("http://back:5001/", timeout=2).status_code
        except RequestException:
            return "", 504

    def test() -> None:
        status = requests.get("http://front:5000/", timeout=9).status_code
        if status == 503:
            raise KeyError("movie")
        if status == 504:
            raise KeyError("movie")

    services = {"http://front:5000": front, "http://back:5001": leaf("back")}
    assert causes(explore(test, services, refused(back=(503,))).failures) == [["back"], ["back"]]


@pytest.mark.parametrize("reduction", ["none", "exact"])
def test_bug_has_its_smallest_fault_set(
    reduction: ReductionName,
) -> None:
    """And all executions that show it."""

    def test() -> None:
        assert "http://stars:5001/" not in missing_parts()

    result = explore(test, page_of_two(), refused(stars=(503,), texts=(503,)), reduction=reduction)
    (failure,) = result.failures
    assert [str(planned.fault) for planned in failure.faults] == ["raises ConnectionError"]
    assert failure.error is failure.executions[0].error
    assert failure.executions == tuple(
        execution for execution in result.executions if execution.verdict == "failed"
    )
    assert [failed_services(execution.faults) for execution in failure.executions] == [
        *[["stars"]] * 2,
        *[["stars", "texts"]] * 4,
    ]


def test_bug_of_two_faults_has_both() -> None:
    def test() -> None:
        assert len(missing_parts()) < 2

    (failure,) = explore(test, page_of_two(), refused()).failures
    assert failed_services(failure.faults) == ["stars", "texts"]
    assert len(failure.executions) == 1


def test_broken_test_is_run_once() -> None:
    """A test that fails without faults gets none."""
    runs = []

    def test() -> None:
        runs.append(missing_parts())
        raise LookupError("always")

    result = explore(test, page_of_two(), refused())
    assert runs == [[]]
    (failure,) = result.failures
    (execution,) = result.executions
    assert not failure.faults
    assert failure.executions == (execution,)
    assert isinstance(failure.error, LookupError)
    assert execution.verdict == "failed"
    assert not result.ok
    assert result.generated == 1
    assert result.remaining == 0


def test_passing_test_has_no_failures() -> None:
    result = explore(missing_parts, page_of_two(), refused())
    assert result.ok
    assert result.failures == ()
    assert len(result.executions) == 4


# Findings


def found(
    front: Flask,
    model: FaultModel | None = None,
    *,
    others: Mapping[str, Flask] | None = None,
    kind: str,
) -> list[Finding]:
    """What an exploration of a service finds of one kind; what it calls is at ``back``."""
    services = {"http://front:5000": front, "http://back:5001": leaf("back"), **(others or {})}
    result = explore(
        lambda: requests.get("http://front:5000/", timeout=60), services, model or refused()
    )
    assert not result.failures, "findings are no failures of the test"
    return [finding for finding in result.findings if finding.kind == kind]


def load_names(url: str) -> str:
    answer = requests.get(url, timeout=2)
    return str(answer.json()["name"])


def test_uncaught_exception_has_file_and_line() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        return requests.get("http://back:5001/", timeout=2).text

    (finding,) = found(front, kind=findings.UNCAUGHT)
    assert finding.site is not None
    assert finding.site.file == __file__
    assert finding.site.line == line_of(show, "requests.get")
    assert finding.service == "front"
    assert finding.broken
    assert finding.executions == (2,)
    assert failed_services(finding.faults) == ["back"]
    assert finding.message.startswith("Unhandled ConnectionError in front, GET /: ")


def test_crash_is_no_answer_500_too() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        return requests.get("http://back:5001/", timeout=2).text

    assert found(front, kind=findings.UNCAUGHT)
    assert not found(front, kind=findings.SERVER_ERROR)


def test_two_exception_types_are_two_findings() -> None:
    """Both escape from one line."""
    front, back = Flask("front"), Flask("back")

    @front.get("/")
    def show() -> ResponseReturnValue:
        return str(requests.get("http://back:5001/", timeout=2).json()["name"])

    @back.get("/")
    def answer() -> ResponseReturnValue:
        return jsonify(name="chris")

    others = {"http://back:5001": back}
    refuses, lies = found(front, refused(back=(500,)), others=others, kind=findings.UNCAUGHT)
    assert (refuses.executions, lies.executions) == ((2,), (3,))
    assert "ConnectionError" in refuses.message
    assert "JSONDecodeError" in lies.message


def test_crash_is_at_the_innermost_line() -> None:
    """Of the lines of the application."""
    front, back = Flask("front"), Flask("back")

    @front.get("/")
    def show() -> ResponseReturnValue:
        return load_names("http://back:5001/")

    @back.get("/")
    def answer() -> ResponseReturnValue:
        return jsonify(name="chris")

    model = FaultModel((), statuses={"back": (500, 503)})
    (finding,) = found(front, model, others={"http://back:5001": back}, kind=findings.UNCAUGHT)
    assert finding.site is not None
    assert finding.site.line == line_of(load_names, ".json()")
    assert finding.executions == (2, 3), "one finding, however many faults lead to it"
    (planned,) = finding.faults
    assert planned.fault.status == 500


def test_answer_500_is_found() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        return ("fine", 200) if is_up("http://back:5001/") else ("out of order", 500)

    (finding,) = found(front, kind=findings.SERVER_ERROR)
    assert finding.message == "front answers 500 to GET /"
    assert finding.broken
    assert failed_services(finding.faults) == ["back"]


def test_answers_500_differ_by_cause() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        up = [is_up(url) for url in ("http://back:5001/", "http://side:5002/")]
        return ("fine", 200) if all(up) else ("out of order", 500)

    side = {"http://side:5002": leaf("side")}
    back_down, side_down = found(front, others=side, kind=findings.SERVER_ERROR)
    assert failed_services(back_down.faults) == ["back"]
    assert failed_services(side_down.faults) == ["side"]
    assert back_down.executions == (2, 4)
    assert side_down.executions == (3,)


@pytest.mark.parametrize("crashes", [True, False], ids=["crashes", "answers 500"])
def test_broken_without_faults_is_no_finding(crashes: bool) -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        is_up("http://back:5001/")
        if crashes:
            raise KeyError("always")
        return "out of order", 500

    assert not found(front, kind=findings.UNCAUGHT)
    assert not found(front, kind=findings.SERVER_ERROR)


def test_answer_503_is_no_finding() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        return ("fine", 200) if is_up("http://back:5001/") else ("come back later", 503)

    result = explore(
        lambda: requests.get("http://front:5000/", timeout=60),
        {"http://front:5000": front, "http://back:5001": leaf("back")},
        refused(back=(500,)),
    )
    assert result.findings == ()


def test_missing_timeout_is_found_once() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        answers = [requests.get("http://back:5001/") for _ in range(2)]
        return answers[0].text

    (finding,) = found(front, FaultModel((), default_statuses=(503,)), kind=findings.NO_TIMEOUT)
    assert not finding.broken
    assert not finding.faults
    assert finding.executions == (1, 2, 3, 4)
    assert finding.site is not None
    assert finding.site.line == line_of(show, "requests.get")
    assert finding.message == "front calls GET http://back:5001/ without a timeout"


def impatient(patience: float, attempts: int = 1) -> tuple[Flask, dict[str, Flask]]:
    """Front waits so long for middle, which waits 2 seconds for each attempt at back."""
    front, middle = Flask("front"), Flask("middle")

    @front.get("/")
    def show() -> ResponseReturnValue:
        try:
            return requests.get("http://middle:5002/", timeout=patience).text
        except RequestException:
            return "none"

    @middle.get("/")
    def answer() -> ResponseReturnValue:
        up = any(is_up("http://back:5001/") for _ in range(attempts))
        return ("fine", 200) if up else ("none", 503)

    return front, {"http://middle:5002": middle}


def test_shorter_timeout_than_callee_is_found() -> None:
    front, others = impatient(1.5)
    (finding,) = found(front, others=others, kind=findings.SHORT_TIMEOUT)
    assert finding.message == ("front waits 1.5 s for middle, which may wait 2 s for its own calls")
    assert finding.service == "front"
    assert not finding.broken
    assert not finding.faults


def test_callee_attempts_add_up() -> None:
    """A timeout has to be long enough for all of them together."""
    front, others = impatient(3, attempts=2)
    (finding,) = found(front, others=others, kind=findings.SHORT_TIMEOUT)
    assert "3 s for middle, which may wait 4 s" in finding.message
    assert failed_services(finding.faults) == ["back"], "only then there is a second attempt"


@pytest.mark.parametrize(("patience", "attempts"), [(2, 1), (4, 2), (60, 2)])
def test_long_timeout_is_no_finding(patience: float, attempts: int) -> None:
    front, others = impatient(patience, attempts)
    assert not found(front, others=others, kind=findings.SHORT_TIMEOUT)


def ordering(method: str, attempts: int = 2, orders: int = 1) -> Flask:
    """A shop that sends orders, each in up to so many attempts."""
    shop = Flask("shop")

    @shop.get("/")
    def order() -> ResponseReturnValue:
        for _ in range(orders):
            for _attempt in range(attempts):
                if sent(method):
                    break
        return "thank you"

    return shop


def sent(method: str) -> bool:
    try:
        return requests.request(method, "http://back:5001/", timeout=2).ok
    except RequestException:
        return False


LOST = FaultModel((), default_statuses=(), lost_answers=("ConnectionError",))


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(LOST, id="a connection that breaks off"),
        pytest.param(FaultModel((), default_statuses=(), lost_answers=(502,)), id="a bad gateway"),
        pytest.param(FaultModel(("Timeout",), default_statuses=()), id="a timeout"),
        pytest.param(FaultModel(("ReadTimeout",), default_statuses=()), id="a read timeout"),
    ],
)
def test_repeated_post_is_found(model: FaultModel) -> None:
    """It is made again after its answer was lost."""
    (finding,) = found(ordering("POST"), model, kind=findings.REPEATED)
    assert finding.message.startswith(
        "front repeats POST http://back:5001/ after its answer was lost"
    )
    assert not finding.broken
    assert len(finding.faults) == 1
    assert finding.site is not None
    assert finding.site.line == line_of(sent, "requests.request")


@pytest.mark.parametrize(
    ("method", "model", "attempts"),
    [
        pytest.param("POST", refused(), 2, id="it was never sent"),
        pytest.param("POST", refused(back=(503,)), 2, id="it was refused"),
        pytest.param("POST", FaultModel(("ConnectTimeout",)), 2, id="it was never received"),
        pytest.param("GET", LOST, 2, id="reading twice does no harm"),
        pytest.param("PUT", LOST, 2, id="nor does setting twice"),
        pytest.param("POST", LOST, 1, id="it is not repeated"),
    ],
)
def test_other_repetitions_are_no_finding(method: str, model: FaultModel, attempts: int) -> None:
    assert not found(ordering(method, attempts), model, kind=findings.REPEATED)


def test_next_post_is_no_repetition() -> None:
    """Though the answer of the one before was lost."""
    assert not found(ordering("POST", attempts=1, orders=3), LOST, kind=findings.REPEATED)
    assert found(ordering("POST", attempts=2, orders=3), LOST, kind=findings.REPEATED)


# The fault model


def test_default_faults() -> None:
    assert ways(FaultModel(), call()) == ["ConnectionError", "Timeout", "500", "502", "503"]


@pytest.mark.parametrize(
    ("timeout", "possible"),
    [
        ((None, None), []),
        ((1.0, None), ["Timeout", "ConnectTimeout"]),
        ((None, 1.0), ["Timeout", "ReadTimeout"]),
        ((1.0, 1.0), ["Timeout", "ConnectTimeout", "ReadTimeout"]),
    ],
)
def test_timeouts_need_a_timeout(
    timeout: tuple[float | None, float | None], possible: list[str]
) -> None:
    """Each kind of timeout needs its own."""
    model = FaultModel(("Timeout", "ConnectTimeout", "ReadTimeout"), default_statuses=())
    assert ways(model, call(timeout=timeout)) == possible


def test_module_of_an_exception_is_optional() -> None:
    model = FaultModel(("requests.exceptions.SSLError", "ProxyError"), default_statuses=())
    assert ways(model, call()) == ["SSLError", "ProxyError"]


def test_own_statuses_replace_defaults() -> None:
    model = FaultModel((), {"bookings": (404,)}, (503,))
    assert ways(model, call("bookings")) == ["404"]
    assert ways(model, call("movies")) == ["503"]


def test_unnamed_service_has_defaults_only() -> None:
    model = FaultModel((), {"bookings": (404,)}, ())
    assert ways(model, call("movies")) == []


def test_service_named_without_statuses() -> None:
    assert ways(FaultModel((), {"bookings": ()}, (503,)), call("bookings")) == []


def test_service_patterns_fit_whole_names() -> None:
    model = FaultModel((), {"book": (404,), "book.*": (409,), "movies|users": (410,)}, (503,))
    assert ways(model, call("book")) == ["404", "409"]
    assert ways(model, call("bookings")) == ["409"]
    assert ways(model, call("e-book")) == ["503"]
    assert ways(model, call("users")) == ["410"]
    assert ways(model, call("users-v2")) == ["503"]


def test_repeated_faults_are_one() -> None:
    model = FaultModel(("Timeout", "Timeout"), {"b.*": (500, 404), "bookings": (404, 503)})
    assert ways(model, call("bookings")) == ["Timeout", "500", "404", "503"]


def test_lost_answers_come_in_addition() -> None:
    """They let the call be made first."""
    model = FaultModel(
        ("ConnectionError",), default_statuses=(500,), lost_answers=("ConnectionError", 500)
    )
    faults = model.faults_of(call())
    assert [(fault.exception or fault.status, fault.abort) for fault in faults] == [
        ("ConnectionError", True),
        ("ConnectionError", False),
        (500, True),
        (500, False),
    ]
    assert "its answer is lost" in str(faults[-1])


def test_lost_answer_lets_callee_work() -> None:
    done = []
    front, back = ordering("POST", attempts=1), Flask("back")

    @back.post("/")
    def work() -> ResponseReturnValue:
        done.append("work")
        return "done"

    services = {"http://front:5000": front, "http://back:5001": back}
    for model, works in (LOST, 2), (refused(), 1):
        done.clear()
        result = explore(
            lambda: requests.get("http://front:5000/", timeout=9),
            services,
            model,
            check_determinism=False,
        )
        assert len(result.executions) == 2
        assert len(done) == works


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"exceptions": ["ConnectionErorr"]},
            "'ConnectionErorr' is not an exception of requests.exceptions .* known: .*"
            "ConnectTimeout, ConnectionError",
            id="misspelt",
        ),
        pytest.param(
            {"exceptions": ["os.system"]}, "'os.system' is not an exception", id="elsewhere"
        ),
        pytest.param({"exceptions": ["HTTPError"]}, "inject a status instead", id="HTTPError"),
        pytest.param(
            {"exceptions": "Timeout"}, "exceptions is 'Timeout'; it must be a list", id="one name"
        ),
        pytest.param(
            {"exceptions": [Fault(status=500)]},
            "which is not an exception",
            id="fault with a status",
        ),
        pytest.param(
            {"default_statuses": 503}, "default_statuses is 503; it must be a list", id="one status"
        ),
        pytest.param(
            {"statuses": {"users": 503}}, r"statuses\['users'\] is 503", id="one status of one"
        ),
        pytest.param({"statuses": {"users": [99]}}, "status 99; .* from 200 to 599", id="too low"),
        pytest.param({"default_statuses": [600]}, "status 600", id="too high"),
        pytest.param({"default_statuses": ["503"]}, "status '503'", id="text"),
        pytest.param({"default_statuses": [True]}, "status True", id="bool"),
        pytest.param(
            {"statuses": {"(users": [500]}}, r"is not a regular expression", id="bad pattern"
        ),
        pytest.param({"lost_answers": ["Timeuot"]}, "'Timeuot' is not an", id="lost, misspelt"),
        pytest.param({"lost_answers": [99]}, "status 99", id="lost, too low"),
    ],
)
def test_impossible_fault_is_refused(arguments: dict[str, Any], message: str) -> None:
    """The message says what is possible."""
    with pytest.raises(FaultModelError, match=message):
        FaultModel(**arguments)


def test_fault_needs_exception_or_status() -> None:
    with pytest.raises(FaultModelError, match="exactly one of exception, status and kind"):
        Fault()
    with pytest.raises(FaultModelError, match="exactly one of exception, status and kind"):
        Fault(exception="Timeout", status=500)


def test_model_describes_itself() -> None:
    model = FaultModel(
        ("SSLError",), {"users|book.*": (404,)}, (503,), lost_answers=("Timeout", 502)
    )
    assert model.describe() == {
        "exceptions": ["SSLError"],
        "statuses": {"users|book.*": [404]},
        "default_statuses": [503],
        "lost_answers": ["Timeout", 502],
    }
    assert "users|book.*" in repr(model)


# Analysis files


def analysis_file(directory: Path, content: object) -> Path:
    path = directory / "analysis.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_protocol_example_is_read(tmp_path: Path) -> None:
    model = FaultModel.from_analysis_file(analysis_file(tmp_path, PROTOCOL_EXAMPLE))
    everything = ["ConnectionError", "Timeout", "500", "404"]
    assert ways(model, call("bookings")) == everything
    assert ways(model, call("bookings-v2", "POST")) == everything
    assert ways(model, call("bookings", timeout=(None, None))) == ["ConnectionError", "500", "404"]
    assert ways(model, call("movies")) == ["ConnectionError", "Timeout"]
    assert ways(model, call("bookings", "DELETE")) == []


def test_protocol_example_drives_an_exploration(tmp_path: Path) -> None:
    """The page works, its first part fails in 4 ways, its second, not named in the file, in 2."""
    model = FaultModel.from_analysis_file(analysis_file(tmp_path, PROTOCOL_EXAMPLE))
    services = page_of_two("http://bookings:5001/", "http://movies:5002/")
    assert explore(missing_parts, services, model).generated == 5 * 3


def test_other_libraries_are_left_out(tmp_path: Path) -> None:
    content = {
        "python.grpc": {
            "pattern": r"grpc\..*",
            "exceptions": [{"name": "grpc._channel._InactiveRpcError"}],
            "errors": [{"service_name": ".*", "types": [{"exception": {}}]}],
        },
        **PROTOCOL_EXAMPLE,
    }
    model = FaultModel.from_analysis_file(analysis_file(tmp_path, content))
    assert ways(model, call()) == ["ConnectionError", "Timeout", "500", "404"]


@pytest.mark.parametrize(
    ("restriction", "url", "timeout", "fits"),
    [
        ("timeout", "http://bookings/", (1.0, 1.0), True),
        ("timeout", "http://bookings/", (None, None), False),
        ("ssl", "https://bookings/", (1.0, 1.0), True),
        ("ssl", "http://bookings/", (1.0, 1.0), False),
        ("moonlight", "https://bookings/", (1.0, 1.0), False),
        (None, "http://bookings/", (None, None), True),
    ],
)
def test_restrictions_name_properties_of_calls(
    restriction: str | None,
    url: str,
    timeout: tuple[float | None, float | None],
    fits: bool,
    tmp_path: Path,
) -> None:
    entry = {"name": "requests.exceptions.SSLError", "restrictions": restriction}
    content = {"s": {"pattern": r"requests\..*", "exceptions": [entry]}}
    model = FaultModel.from_analysis_file(analysis_file(tmp_path, content))
    assert ways(model, call(url=url, timeout=timeout)) == ["SSLError"] * fits


def test_metadata_abort_and_sleep(tmp_path: Path) -> None:
    """Whether the call is made, and how long it is held."""
    content = {
        "s": {
            "pattern": r"requests\.get",
            "exceptions": [
                {"name": "requests.exceptions.ConnectionError", "metadata": {"abort": False}},
                {
                    "name": "requests.exceptions.ReadTimeout",
                    "restrictions": "timeout",
                    "metadata": {"abort": False, "sleep": "@expr(metadata['timeout'])+0.001"},
                },
            ],
            "errors": [
                {
                    "service_name": "book",
                    "types": [{"return_value": {"status_code": 503}, "metadata": {"sleep": "2"}}],
                }
            ],
        }
    }
    model = FaultModel.from_analysis_file(analysis_file(tmp_path, content))
    lost, late, slow = model.faults_of(call(timeout=(3.0, 3.0)))
    assert (lost.abort, lost.sleep) == (False, 0.0)
    assert (late.abort, late.seconds((3.0, 3.0))) == (False, 3.001)
    assert (slow.status, slow.abort, slow.sleep) == (503, True, 2.0)


def with_exception(**entry: Any) -> dict[str, Any]:
    return {"s": {"pattern": r"requests\.get", "exceptions": [entry]}}


def with_error(**entry: Any) -> dict[str, Any]:
    return {"s": {"pattern": r"requests\.get", "errors": [entry]}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("{", "cannot read the analysis file .*analysis.json", id="no JSON"),
        pytest.param([], "it must be a JSON object of sections", id="a list"),
        pytest.param({"s": {}}, "'pattern' is missing", id="no pattern"),
        pytest.param({"s": {"pattern": "("}}, "not a regular expression", id="bad pattern"),
        pytest.param({"s": []}, "analysis file", id="a section that is a list"),
        pytest.param(with_exception(), "'name' is missing", id="no name"),
        pytest.param(
            with_exception(name="requests.exceptions.Timeuot"), "Timeuot", id="misspelt exception"
        ),
        pytest.param(
            with_exception(name="__import__('os')"), "not an exception of", id="code for a name"
        ),
        pytest.param(
            with_exception(name="Timeout", metadata={"sleep": "forever"}),
            "cannot sleep for 'forever'",
            id="no time",
        ),
        pytest.param(with_error(service_name="users"), "'types' is missing", id="no types"),
        pytest.param(
            with_error(types=[{"return_value": {"status_code": 500}}]),
            "'service_name' is missing",
            id="no service",
        ),
        pytest.param(
            with_error(service_name="users", types=[{"exception": {"code": "NOT_FOUND"}}]),
            "return_value is missing",
            id="a type of gRPC",
        ),
        pytest.param(
            with_error(service_name="users", types=[{"return_value": {"status_code": "teapot"}}]),
            "teapot",
            id="status by name",
        ),
        pytest.param(
            with_error(service_name="users", types=[{"return_value": {"status_code": "99"}}]),
            "status 99",
            id="no status",
        ),
    ],
)
def test_wrong_analysis_file_is_refused(content: object, message: str, tmp_path: Path) -> None:
    """The message names the error."""
    with pytest.raises(FaultModelError, match=message):
        FaultModel.from_analysis_file(analysis_file(tmp_path, content))


def test_missing_analysis_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FaultModelError, match=r"cannot read .*nowhere\.json"):
        FaultModel.from_analysis_file(tmp_path / "nowhere.json")


# Counterexamples


def counterexample() -> Counterexample:
    planned = PlannedFault(
        Call(
            index=ROOT.child("GET /", 1).child("sig", 2),
            source="users",
            target="bookings",
            method="POST",
            url="http://bookings:5003/?q=ü",
            callsite=CallSite("users/app.py", 113, "Users.show"),
        ),
        Fault(exception="ReadTimeout", abort=False, sleep="@expr(metadata['timeout'])+0.001"),
    )
    other = PlannedFault(call("movies"), Fault(status=503))
    return Counterexample(
        "test_users.py::test_show", FaultSet((planned, other)), "KeyError: 'ä'", {"command": ["a"]}
    )


def test_counterexample_is_read_as_written(tmp_path: Path) -> None:
    written = counterexample()
    read = Counterexample.read(written.write(tmp_path / "new" / "directory"))
    assert (read.test, read.seen, read.details) == (written.test, written.seen, written.details)
    assert read.fault_set == written.fault_set
    for before, after in zip(written.fault_set, read.fault_set, strict=True):
        assert after.fault == before.fault
        assert after.call.callsite == before.call.callsite
        assert str(after) == str(before)


def test_counterexample_keeps_its_file_name(tmp_path: Path) -> None:
    first = counterexample().write(tmp_path)
    again = counterexample()
    changed = Counterexample(again.test, again.fault_set, "something else was seen")
    assert changed.write(tmp_path) == first
    assert Counterexample.read(first).seen == "something else was seen"
    assert [path.name for path in tmp_path.iterdir()] == [first.name], "no drafts are left"
    other = Counterexample("another test", again.fault_set, again.seen)
    assert other.write(tmp_path) != first
    fewer = Counterexample(again.test, FaultSet(tuple(again.fault_set)[:1]), again.seen)
    assert fewer.write(tmp_path) not in (first, other.write(tmp_path))


def damaged(**changes: Any) -> str:
    """A counterexample in which values of the first fault, or of the file, are others."""
    path = Path(changes.pop("directory"))
    content = json.loads(counterexample().write(path).read_text())
    for key, value in changes.items():
        (content if key in content else content["faults"][0])[key] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"faults": None}, id="no faults"),
        pytest.param({"faults": [{}]}, id="an empty fault"),
        pytest.param({"faults": ["fault"]}, id="a fault that is text"),
        pytest.param({"execution_index": "not an index"}, id="an index that is none"),
        pytest.param({"execution_index": None}, id="no index"),
        pytest.param({"callsite": {}}, id="an empty call site"),
        pytest.param({"fault": {"exception": None}}, id="a fault without parts"),
        pytest.param(
            {"fault": {"exception": "Oops", "status": None, "abort": True, "sleep": 0}},
            id="an exception that is none",
        ),
        pytest.param(
            {"fault": {"exception": None, "status": 999, "abort": True, "sleep": 0}},
            id="a status that is none",
        ),
    ],
)
def test_a_damaged_counterexample_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "damaged.json"
    path.write_text(damaged(directory=tmp_path, **changes))
    with pytest.raises(CounterexampleError, match=r"damaged\.json is damaged"):
        Counterexample.read(path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"version": 1, "test"', id="cut off"),
        pytest.param(b"\xff\xfe\x00", id="not text"),
        pytest.param(b"[" * 100_000, id="nested without end"),
    ],
)
def test_broken_json_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(CounterexampleError, match=r"cannot read the counterexample .*broken"):
        Counterexample.read(path)


@pytest.mark.parametrize("content", ["[]", "{}", '{"version": 2}', '"text"', "null"])
def test_other_version_or_kind_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(CounterexampleError, match="not a counterexample of version 1"):
        Counterexample.read(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CounterexampleError, match="nowhere"):
        Counterexample.read(tmp_path / "nowhere.json")


def failing_result() -> Result:
    return explore(needs_a_part, page_of_two(), refused(texts=(503,)))


def needs_a_part() -> None:
    assert len(missing_parts()) < 2


def test_replay_shows_the_failure(tmp_path: Path) -> None:
    (failure,) = failing_result().failures
    path = Counterexample("needs_a_part", failure.faults, str(failure.error)).write(tmp_path)
    execution = replay(needs_a_part, Counterexample.read(path), page_of_two())
    assert execution.verdict == "failed"
    assert isinstance(execution.error, AssertionError)
    assert execution.faults == failure.faults
    injected = [call.fault for call in execution.trace.invocations]
    assert injected == [planned.fault for planned in failure.faults]


def test_replay_passes_after_the_fix(tmp_path: Path) -> None:
    (failure,) = failing_result().failures
    path = Counterexample("needs_a_part", failure.faults, str(failure.error)).write(tmp_path)
    execution = replay(missing_parts, Counterexample.read(path), page_of_two())
    assert (execution.verdict, execution.error) == ("passed", None)


def test_replay_without_the_call_is_inconclusive(tmp_path: Path) -> None:
    (failure,) = failing_result().failures
    path = Counterexample("needs_a_part", failure.faults, str(failure.error)).write(tmp_path)
    moved = page_of_two(texts="http://texts:5003/")
    execution = replay(needs_a_part, Counterexample.read(path), moved)
    assert execution.verdict == "inconclusive"
    assert execution.problems == (
        "fault not injected, the call was not made: page -> texts  GET http://texts:5002/",
    )
