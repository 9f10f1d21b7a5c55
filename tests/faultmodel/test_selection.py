"""Faults of some calls only: by service, route, method, call site, tier and effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flask_filibuster import Fault, FaultModel, FaultsOf, explore
from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.errors import FaultModelError
from tests.support.pages import call, missing_parts, page_of_two

SITE = CallSite("/srv/shop/views.py", 31, "Shop.page")


def hit(made: Call | None = None, **properties: Any) -> bool:
    """Whether a fault of calls with these properties is one of this call, or of an ordinary one."""
    model = FaultModel((), default_statuses=(), faults=[FaultsOf(503, **properties)])
    return model.faults_of(made or call()) == (Fault(status=503),)


@pytest.mark.parametrize(
    ("route", "path", "hits"),
    [
        ("/items/<int:item>", "/items/7", True),
        ("/items/<int:item>", "/items/7?all=1", True),
        ("/items/<string(length=2):item>/price", "/items/ab/price", True),
        ("/items/<item>", "/items/7/price", False),
        ("/items/<item>", "/items/", False),
        ("/files/<path:name>", "/files/a/b.txt", True),
        ("/items/*", "/items/", True),
        ("/items/*", "/items/7", True),
        ("/a.b", "/aXb", False),
        ("/caf\xe9", "/caf%C3%A9", True),
        ("/", "", True),
        ("/", "/x", False),
    ],
)
def test_routes_match_whole_paths(route: str, path: str, *, hits: bool) -> None:
    assert hit(call(url=f"http://bookings:5003{path}"), route=route) is hits


@pytest.mark.parametrize(
    ("place", "hits"),
    [
        ("views.py", True),
        ("shop/views.py", True),
        ("shop/views.py:31", True),
        ("views.py:32", False),
        ("op/views.py", False),
        ("page", True),
        ("Shop.page", True),
        ("age", False),
    ],
)
def test_call_sites_are_lines_files_or_functions(place: str, *, hits: bool) -> None:
    assert hit(replace(call(), callsite=SITE), call_site=place) is hits
    assert not hit(call(), call_site=place)


def test_service_is_its_whole_name() -> None:
    assert hit(service="bookings")
    assert hit(service="book.*")
    assert not hit(service="book")


def test_tiers_count_services_from_the_test() -> None:
    below = replace(call(), index=call().index.child("GET /y", 1))
    of_the_test = replace(call(), index=ROOT.child("GET /", 1))
    assert [hit(each, tier=1) for each in (of_the_test, call(), below)] == [False, True, False]
    assert [hit(each, tier=2) for each in (of_the_test, call(), below)] == [False, False, True]


def test_writes_are_told_from_reads() -> None:
    assert [hit(call(method=each), writes=True) for each in ("GET", "PUT")] == [False, True]
    assert [hit(call(method=each), writes=False) for each in ("GET", "PUT")] == [True, False]


def test_all_properties_must_fit() -> None:
    assert hit(service="bookings", method="get")
    assert not hit(service="bookings", method="POST")


class TestInstead:
    """``instead``: only these faults."""

    def test_replaces_other_faults(self) -> None:
        chosen = FaultsOf(418, service="movies", instead=True)
        model = FaultModel(("ConnectionError",), {"movies": (404,)}, (500,), faults=[429, chosen])
        assert model.faults_of(call("movies")) == (Fault(status=418),)
        assert len(model.faults_of(call())) == 3

    def test_adds_to_another(self) -> None:
        faults = [FaultsOf(418, instead=True), FaultsOf(method="GET", instead=True)]
        assert FaultModel(faults=faults).faults_of(call()) == (Fault(status=418),)

    def test_without_faults_spares_calls(self) -> None:
        services = page_of_two()
        model = FaultModel(("ConnectionError",), faults=[FaultsOf(service="texts", instead=True)])
        result = explore(missing_parts, services, model, journal=False)
        assert {planned.service for each in result.executions for planned in each.faults} == {
            "stars"
        }


def test_names_of_exceptions_and_kinds_will_do() -> None:
    model = FaultModel((), default_statuses=(), faults=["body cut short", "Timeout", 404])
    named = [Fault("Timeout"), Fault(status=404), Fault.of("body cut short")]
    assert list(model.faults_of(call())) == named


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"tier": 0}, "tier is 0; it must be a whole number from 1"),
        ({"tier": True}, "tier is True"),
        ({"route": "items"}, "route is 'items'; it must be a path"),
        ({"service": "a("}, "not a regular expression"),
        ({"service": 5}, "service is 5; it must be a text"),
        ({"method": ""}, "method is ''"),
        ({"writes": 1}, "writes is 1"),
        ({"instead": 1}, "instead is 1"),
    ],
)
def test_invalid_properties_are_refused(properties: dict[str, Any], told: str) -> None:
    with pytest.raises(FaultModelError, match=told.replace("(", r"\(")):
        FaultsOf(503, **properties)


@pytest.mark.parametrize("named", ["Timeuot", 42, None, 2.5, True])
def test_names_of_nothing_are_refused(named: Any) -> None:
    with pytest.raises(FaultModelError):
        FaultModel(faults=[named])


def test_selection_needs_a_fault() -> None:
    with pytest.raises(FaultModelError, match="no fault is named for calls: service texts"):
        FaultsOf(service="texts")


def test_misspelt_service_gets_a_suggestion() -> None:
    model = FaultModel(faults=[FaultsOf(503, service="strs")])
    notes = explore(missing_parts, page_of_two(), model, journal=False).notes
    assert any("names 'strs'" in note and "did you mean 'stars'?" in note for note in notes)


def test_travels_in_an_analysis() -> None:
    """As a driver sends it to a server."""
    faults = [
        FaultsOf(503, "Timeout", "body cut short", route="/x/<y>", writes=True),
        FaultsOf(418, service="movies", tier=2, instead=True),
        FaultsOf(call_site="views.py:31", instead=True),
    ]
    model = FaultModel(faults=faults)
    again = FaultModel.from_analysis(model.to_analysis())
    calls = [
        call(method="POST", url="http://b/x/1"),
        call("movies"),
        replace(call("movies"), index=call().index.child("GET /y", 1)),
        replace(call(), callsite=SITE),
    ]
    seen = [again.faults_of(each) for each in calls]
    assert seen == [model.faults_of(each) for each in calls]
    assert len({*map(len, seen)}) == 4


def test_described_in_words() -> None:
    faults = [FaultsOf(503, service="a", writes=False), FaultsOf(tier=1, instead=True)]
    assert FaultModel(faults=faults).describe()["faults"] == [
        "answers 503 Service Unavailable (calls: service a, reading)",
        "no fault (calls: tier 1; nothing else)",
    ]
