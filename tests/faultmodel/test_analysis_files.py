"""Fault models as analysis files: written, read back, and refused when they make no sense."""

from __future__ import annotations

import contextlib
import json
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_filibuster import FaultModel, explore
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.kinds.raised import EXCEPTIONS
from flask_filibuster.errors import FaultModelError
from flask_filibuster.faultmodel.analysis_file import MOST_IN_A_PATTERN, MOST_RULES
from tests.support.cases import cases

PAST_TIMEOUT = "@expr(metadata['timeout'])+0.001"
SERVICES = ["bookings", "bookings-v2", "e-book", "movies", "user.s", "users", "users\n", ""]


def call(
    target: str = "bookings",
    method: str = "GET",
    scheme: str = "http",
    timeout: tuple[float | None, float | None] = (1.0, 1.0),
) -> Call:
    url = f"{scheme}://{target}:5000/"
    return Call(ROOT.child("call", 1), "front", target, method, url, timeout=timeout)


CALLS = [
    call(target, method, scheme, timeout)
    for target in SERVICES
    for method in ("GET", "POST", "PURGE")
    for scheme in ("http", "https")
    for timeout in ((None, None), (1.0, None), (None, 1.0))
]


def read_back(model: FaultModel) -> FaultModel:
    return FaultModel.from_analysis(json.loads(json.dumps(model.to_analysis())))


def assert_same(model: FaultModel, other: FaultModel) -> None:
    for each in CALLS:
        assert model.faults_of(each) == other.faults_of(each), each


# --- there and back -------------------------------------------------------------------------------

statuses = st.lists(st.integers(200, 599), max_size=4)
keys = st.sampled_from(
    [
        "bookings",
        "book.*",
        "movies|users",
        re.escape("user.s"),
        "",
        "(book|film)ings",
        r"(?P<who>users|movies)",
        "[a-z]+",
    ]
)
sleeps = st.one_of(
    st.sampled_from([0, 0.0, 2, PAST_TIMEOUT, '@expr(metadata["timeout"]-1) + 2']),
    st.floats(0, allow_infinity=False, allow_nan=False),
)
names = st.sampled_from(sorted(EXCEPTIONS))
raised = st.builds(Fault, exception=names, abort=st.booleans(), sleep=sleeps)
models = st.builds(
    FaultModel,
    st.lists(names | raised, max_size=4),
    st.dictionaries(keys, statuses, max_size=5),
    statuses,
    lost_answers=st.lists(names | st.integers(200, 599), max_size=3),
)


@pytest.mark.slow
@settings(deadline=None)
@given(models)
def test_written_model_is_read_back(model: FaultModel) -> None:
    assert_same(model, read_back(model))


metadata = st.fixed_dictionaries(
    {}, optional={"abort": st.booleans(), "sleep": sleeps | st.sampled_from(["2", "0.5"])}
)
exception_entries = st.fixed_dictionaries(
    {"name": names.map("requests.exceptions.{}".format)},
    optional={
        "restrictions": st.sampled_from([None, "timeout", "ssl", "moonlight"]),
        "metadata": metadata,
    },
)
error_entries = st.fixed_dictionaries(
    {
        "service_name": st.sampled_from(["bookings", "book.*$", "", "(?i)MOV", "(?!movies)", "u"]),
        "types": st.lists(
            st.fixed_dictionaries(
                {
                    "return_value": st.fixed_dictionaries(
                        {"status_code": st.integers(200, 599) | st.sampled_from(["404", "503"])}
                    )
                },
                optional={"metadata": metadata},
            ),
            max_size=3,
        ),
    }
)
sections = st.fixed_dictionaries(
    {
        "pattern": st.sampled_from(
            [r"requests\.", r"requests\.(get|put)", r"requests\.post", r"grpc\..*", "(?i)REQ"]
        )
    },
    optional={
        "exceptions": st.lists(exception_entries, max_size=3),
        "errors": st.lists(error_entries, max_size=3),
    },
)
analyses = st.dictionaries(st.text(max_size=3), sections, max_size=5)


@pytest.mark.slow
@settings(deadline=None)
@given(analyses)
def test_read_model_can_be_written(analysis: dict[str, Any]) -> None:
    model = FaultModel.from_analysis(analysis)
    written = model.to_analysis()
    assert_same(model, read_back(model))
    assert FaultModel.from_analysis(written).to_analysis() == written


def test_form_is_that_of_the_prototypes() -> None:
    model = FaultModel(("ConnectionError", "Timeout"), {"bookings": (500, 404)}, ())
    assert model.to_analysis() == {
        "python.requests": {
            "pattern": r"requests\.",
            "exceptions": [
                {"name": "requests.exceptions.ConnectionError"},
                {"name": "requests.exceptions.Timeout", "restrictions": "timeout"},
            ],
        },
        "http": {
            "pattern": r"requests\.",
            "errors": [
                {
                    "service_name": "(?:bookings)$",
                    "types": [
                        {"return_value": {"status_code": "500"}},
                        {"return_value": {"status_code": "404"}},
                    ],
                }
            ],
        },
    }


def test_held_fault_is_restricted_to_timeouts() -> None:
    late = Fault("ConnectionError", abort=False, sleep=PAST_TIMEOUT)
    (section,) = FaultModel((late,), default_statuses=()).to_analysis().values()
    assert section["exceptions"] == [
        {
            "name": "requests.exceptions.ConnectionError",
            "restrictions": "timeout",
            "metadata": {"abort": False, "sleep": PAST_TIMEOUT},
        }
    ]


def test_sections_follow_the_patterns() -> None:
    """Each run of rules with one pattern is a section."""

    def section(pattern: str, *names: str) -> dict[str, Any]:
        exceptions = [{"name": f"requests.exceptions.{name}"} for name in names]
        return {"pattern": pattern, "exceptions": exceptions}

    getting, posting = r"requests\.get", r"requests\.(get|post)"
    model = FaultModel.from_analysis(
        {
            "a": section(getting, "SSLError"),
            "b": section(getting, "ProxyError"),
            "c": section(posting, "RetryError"),
            "d": section(getting, "InvalidURL"),
        }
    )
    assert model.to_analysis() == {
        "python.requests": section(getting, "SSLError", "ProxyError"),
        "python.requests#2": section(posting, "RetryError"),
        "python.requests#3": section(getting, "InvalidURL"),
    }


def test_defaults_are_for_unnamed_services() -> None:
    model = read_back(FaultModel((), {"users": (404,), "book.*": (410,)}, (503,)))
    reached = {
        name: [fault.status for fault in model.faults_of(call(name))]
        for name in ("users", "bookings", "movies", "users-v2")
    }
    assert reached == {"users": [404], "bookings": [410], "movies": [503], "users-v2": [503]}


def test_defaults_beside_many_services() -> None:
    model = FaultModel(statuses={f"service-{number}": (404,) for number in range(300)})
    assert_same(model, read_back(model))


def test_empty_model_is_an_empty_file() -> None:
    model = FaultModel((), default_statuses=())
    assert model.to_analysis() == {}
    assert_same(model, read_back(model))


def test_numbered_groups_are_refused() -> None:
    """The services of such a pattern can't be told from the others."""
    keys = {"(book)ings": (404,), r"(us)ers-\1": (404,)}
    with pytest.raises(FaultModelError, match="refers to a group by number"):
        FaultModel(statuses=keys).to_analysis()
    assert_same(FaultModel((), keys, ()), read_back(FaultModel((), keys, ())))


def test_repeated_group_names_are_refused() -> None:
    model = FaultModel(statuses={"(?P<x>a)": (404,), "(?P<x>b)": (404,)})
    with pytest.raises(FaultModelError, match="redefinition of group name"):
        model.to_analysis()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(
            lambda: FaultModel(statuses={f"service-{number}": () for number in range(1_000)}),
            "this model cannot be written: its patterns are too long",
            id="names",
        ),
        pytest.param(
            lambda: FaultModel((), {str(number): () for number in range(MOST_RULES)}, ()),
            "this model cannot be written: it has more than 10000 rules",
            id="rules",
        ),
    ],
)
def test_unreadable_model_is_not_written(make: Callable[[], FaultModel], message: str) -> None:
    model = make()  # Here, not wherever these tests are collected: 10,000 patterns take a while.
    with pytest.raises(FaultModelError, match=message):
        model.to_analysis()


# --- what came from anywhere ----------------------------------------------------------------------

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=3),
    st.sampled_from([r"requests\.", "(", "*", "[[a]", "a{99999999999}", "(" * 600, "return_value"]),
    st.sampled_from(["500", " 500", "nan", "1e999", "Timeout", PAST_TIMEOUT, "\ud800"]),
)
FIELDS = (
    "pattern exceptions errors name restrictions metadata abort sleep service_name types "
    "return_value status_code"
)
garbage = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS.split()) | st.text(max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """An analysis in which something was replaced."""
    content: Any = draw(st.dictionaries(st.text(max_size=2), sections, min_size=1, max_size=2))
    part, depth = content, draw(st.integers(0, 7))
    for _ in range(depth):
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        below = [key for key in keys if part[key] and isinstance(part[key], dict | list)]
        if not below:
            break
        part = part[draw(st.sampled_from(below))]
    key = draw(st.sampled_from(list(part) if isinstance(part, dict) else list(range(len(part)))))
    part[key] = draw(garbage)
    return content


@pytest.mark.slow
@settings(deadline=None, max_examples=cases(400))
@given(garbage | damaged())
def test_any_content_is_read_or_refused(content: Any) -> None:
    with contextlib.suppress(FaultModelError):
        model = FaultModel.from_analysis(content)
        assert_same(model, read_back(model))


def nested(depth: int) -> Any:
    inner: Any = {}
    for _ in range(depth):
        inner = [inner]
    return inner


def with_exception(**entry: Any) -> dict[str, Any]:
    return {"s": {"pattern": r"requests\.get", "exceptions": [{"name": "Timeout"} | entry]}}


def with_status(status: Any, service: Any = "users", **entry: Any) -> dict[str, Any]:
    types = [{"return_value": {"status_code": status}} | entry]
    return {
        "s": {
            "pattern": r"requests\.get",
            "errors": [{"service_name": service, "types": types}],
        }
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "must be a JSON object", id="nothing"),
        pytest.param({"s": {"pattern": 7}}, "7 is not a regular expression", id="number"),
        pytest.param({"s": {"pattern": b"r"}}, "must be a string", id="bytes"),
        pytest.param({"s": {"pattern": "a{99999999999}"}}, "not a regular", id="overflow"),
        pytest.param({"s": {"pattern": "(" * 5000}}, "not a regular expression", id="deep pattern"),
        pytest.param(
            {"s": {"pattern": "a" * (MOST_IN_A_PATTERN + 1)}}, "too long", id="long pattern"
        ),
        pytest.param(
            {str(number): {"pattern": "a" * 9_999 + str(number)} for number in range(101)},
            "too long",
            id="long patterns",
        ),
        pytest.param(with_status(500, "a" * 20_000), "too long", id="long name"),
        pytest.param(
            {str(number): {"pattern": "x"} for number in range(MOST_RULES + 1)},
            "more than 10000 rules",
            id="sections",
        ),
        pytest.param(
            {"s": {"pattern": "r", "exceptions": [{"name": "Timeout"}] * MOST_RULES}},
            "more than 10000 rules",
            id="rules",
        ),
        pytest.param(with_exception(name=7), "the analysis: ", id="no name"),
        pytest.param(with_exception(restrictions=["timeout"]), "one name", id="restrictions"),
        pytest.param(with_exception(metadata=[7]), "the analysis: ", id="metadata"),
        pytest.param(
            with_exception(metadata={"abort": "false"}), "abort is 'false'", id="abort as text"
        ),
        pytest.param(
            with_exception(metadata={"sleep": True}), "cannot sleep for True", id="sleep as bool"
        ),
        pytest.param(with_exception(metadata={"sleep": 10**400}), "the analysis: ", id="sleep"),
        pytest.param(with_status(True), "status True", id="status as bool"),
        pytest.param(with_status(500.5), "status 500.5", id="half a status"),
        pytest.param(with_status(float("inf")), "status inf", id="infinite status"),
        pytest.param(with_status("9" * 5000), "the analysis: ", id="long status"),
        pytest.param(with_status(None), "the analysis: ", id="no status"),
        pytest.param(
            {"s": {"pattern": "r", "errors": [{"service_name": "", "types": nested(100_000)}]}},
            "the analysis: ",
            id="nested",
        ),
    ],
)
def test_senseless_content_is_refused_briefly(content: Any, message: str) -> None:
    with pytest.raises(FaultModelError, match=message) as caught:
        FaultModel.from_analysis(content)
    assert len(str(caught.value)) < 1_100


def test_errors_name_the_source() -> None:
    with pytest.raises(FaultModelError, match=r"^the message of users: 'pattern' is missing$"):
        FaultModel.from_analysis({"s": {}}, source="the message of users")


def test_statuses_are_numbers_or_texts() -> None:
    for status in (503, "503", 503.0):
        model = FaultModel.from_analysis(with_status(status))
        assert model.faults_of(call("users")) == (Fault(status=503),)


def test_pattern_warnings_are_refusals() -> None:
    """Where Python's warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FaultModelError, match="Possible nested set"):
            FaultModel.from_analysis({"s": {"pattern": "[[ab]"}})


# --- held -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("margin", "sleep"),
    [
        (0.001, "@expr(metadata['timeout'])+0.001"),
        (1, "@expr(metadata['timeout'])+1"),
        (10.0, "@expr(metadata['timeout'])+10"),
        (1e-7, "@expr(metadata['timeout'])+0.0000001"),
        (5e-324, "@expr(metadata['timeout'])+0.000000001"),
        (3600, "@expr(metadata['timeout'])+3600"),
    ],
)
def test_held_call_exceeds_its_timeout(margin: float, sleep: str) -> None:
    model = FaultModel.held(margin)
    assert model.faults_of(call()) == (Fault("Timeout", sleep=sleep),)
    assert model.faults_of(call(timeout=(None, None))) == ()
    assert_same(model, read_back(model))


@given(st.floats(0, 3600, exclude_min=True))
def test_margin_is_the_excess(margin: float) -> None:
    (fault,) = FaultModel.held(margin).faults_of(call())
    assert fault.seconds((2.0, 5.0)) == pytest.approx(5.0 + margin, abs=2e-9)
    assert fault.seconds((2.0, 5.0)) > 5.0


def test_lost_held_call_is_made() -> None:
    (fault,) = FaultModel.held(lost=True).faults_of(call())
    assert fault == Fault("Timeout", abort=False, sleep=PAST_TIMEOUT)


@pytest.mark.parametrize(
    "margin",
    [
        0,
        -1,
        0.0,
        3600.1,
        float("inf"),
        float("nan"),
        True,
        "1",
        None,
        pytest.param(10**400, id="huge"),
    ],
)
def test_bad_margin_is_refused(margin: Any) -> None:
    with pytest.raises(FaultModelError, match=r"margin is .* a number of seconds over 0"):
        FaultModel.held(margin)


@pytest.mark.parametrize(("lost", "calls"), [(False, 1), (True, 2)])
def test_held_calls_find_impatient_callers(lost: bool, calls: int) -> None:
    front, back, done = Flask("front"), Flask("back"), []

    @front.get("/")
    def page() -> str:
        return requests.get("http://back:5001/", timeout=0.01).text

    @back.get("/")
    def work() -> str:
        done.append("work")
        return "done"

    result = explore(
        lambda: requests.get("http://front:5000/", timeout=9),
        {"http://front:5000": front, "http://back:5001": back},
        FaultModel.held(lost=lost),
        check_determinism=False,
    )
    (finding,) = result.findings
    assert "Unhandled ReadTimeout in front" in finding.message
    assert "held 0.011 s, just past its timeout of 0.01 s" in str(finding.faults)
    assert len(result.executions) == 2
    assert len(done) == calls


def test_file_on_disk_is_read(tmp_path: Path) -> None:
    model = FaultModel.held()
    path = tmp_path / "analysis.json"
    path.write_text(json.dumps(model.to_analysis()))
    assert_same(model, FaultModel.from_analysis_file(path))


# --- other clients --------------------------------------------------------------------------------


def test_calls_of_every_client_fail() -> None:
    model = FaultModel(("ConnectionError",), default_statuses=(503,))
    other = replace(call(), library="httpx", api="httpx.get")
    assert model.faults_of(other) == (Fault("ConnectionError"), Fault(status=503))
    assert read_back(model).faults_of(other) == model.faults_of(other)


def test_statuses_are_for_http_alone() -> None:
    statement = replace(call(), library="sqlalchemy", api="sqlalchemy.select", family="sql")
    assert FaultModel().faults_of(statement) == (Fault("ConnectionError"), Fault("Timeout"))


def test_foreign_library_needs_own_rules() -> None:
    assert FaultModel().faults_of(replace(call(), api="java.WebClient")) == ()
