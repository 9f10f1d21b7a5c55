"""The statuses of a call are those of the route that it reaches."""

from __future__ import annotations

import pytest
from flask import Blueprint, Flask, abort
from flask.views import MethodView

from flask_filibuster import FaultModel
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT


def statuses(
    app: Flask, method: str, path: str, base: str = "http://back", model: FaultModel | None = None
) -> list[int]:
    model = model or FaultModel.quick({base: app})
    call = Call(ROOT, "front", "back", method, f"{base}{path}")
    return [each.status for each in model.faults_of(call) if each.status is not None]


def service() -> Flask:
    app, admin = Flask("back"), Blueprint("admin", __name__, url_prefix="/admin")

    @app.get("/thing")
    def thing() -> str:
        return "thing"

    @app.post("/thing")
    def make() -> str:
        abort(409)

    @app.get("/things/<int:number>")
    def one(number: int) -> str:
        return helper(number)

    def helper(number: int) -> str:
        if number > 7:
            abort(404)
        return "one"

    class Part(MethodView):
        def get(self) -> str:
            abort(410)

        def put(self) -> str:
            abort(422)

    app.add_url_rule("/part", view_func=Part.as_view("part"))

    @admin.before_request
    def check() -> None:
        abort(401)

    @admin.get("/")
    def page() -> str:
        return "admin"

    app.register_blueprint(admin)
    return app


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/thing", [500]),
        ("HEAD", "/thing", [500]),
        ("GET", "/thing?q=1", [500]),
        ("POST", "/thing", [409, 500]),
        ("GET", "/things/7", [404, 500]),
        ("GET", "/part", [410, 500]),
        ("PUT", "/part", [422, 500]),
        ("GET", "/admin/", [401, 500]),
    ],
)
def test_of_a_route(method: str, path: str, expected: list[int]) -> None:
    assert statuses(service(), method, path) == expected


def test_of_an_unknown_route_are_those_of_all() -> None:
    assert statuses(service(), "GET", "/nowhere") == [401, 404, 409, 410, 422, 500]


def test_hooks_of_the_app_are_in_every_route() -> None:
    app = service()
    app.before_request(lambda: abort(403))
    assert statuses(app, "GET", "/thing") == [403, 500]


def test_handlers_of_exceptions_are_in_every_route() -> None:
    app = service()
    app.register_error_handler(KeyError, lambda _: ("missing", 418))
    assert statuses(app, "GET", "/thing") == [418, 500]


def test_page_of_a_status_adds_none_to_other_routes() -> None:
    app = service()
    app.register_error_handler(404, lambda _: ("not found", 404))
    assert statuses(app, "GET", "/thing") == [500]
    assert statuses(app, "GET", "/things/1") == [404, 500]


def test_below_a_base_url_with_a_path() -> None:
    assert statuses(service(), "GET", "/thing", "http://back/api") == [500]


def test_two_apps_of_one_host() -> None:
    other = Flask("other")
    other.get("/x")(lambda: abort(451))
    model = FaultModel.quick({"http://back": service(), "http://back/other": other})
    assert statuses(other, "GET", "/other/x", model=model) == [451, 500]
    assert statuses(other, "GET", "/thing", model=model) == [500]


def test_given_by_hand_are_for_the_whole_service() -> None:
    model = FaultModel(statuses={"back": (404, 409)}, default_statuses=())
    assert statuses(service(), "GET", "/thing", model=model) == [404, 409]


def test_description_has_those_of_all_routes() -> None:
    described = FaultModel.quick({"http://back": service()}).describe()
    assert described["statuses"] == {"back": [401, 404, 409, 410, 422, 500]}
