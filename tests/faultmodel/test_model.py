"""Fault models: which calls can fail how, as arguments say, or an analysis file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flask_filibuster import FaultModel, explore
from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import Fault
from flask_filibuster.errors import FaultModelError
from tests.support.pages import call, missing_parts, page_of_two

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


def ways(model: FaultModel, invocation: Call) -> list[str]:
    """How a call can fail, in short."""
    return [f"{fault.outcome}" for fault in model.faults_of(invocation)]


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
