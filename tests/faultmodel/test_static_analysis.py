"""Which statuses are found in the source of an app's views, and which are not."""

from __future__ import annotations

import ast
import functools
import http
import importlib
import linecache
import logging
import os
import subprocess
import sys
import types
import warnings
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

import flask
import pytest
import werkzeug.exceptions
from flask import Flask, Response, abort, current_app, flash, jsonify, make_response, request
from flask import abort as stop
from flask.views import MethodView, View
from werkzeug.exceptions import BadGateway, HTTPException, NotFound
from werkzeug.exceptions import Gone as Vanished

from flask_filibuster import Filibuster
from flask_filibuster.core import own_code
from flask_filibuster.faultmodel import static_analysis
from flask_filibuster.faultmodel.static_analysis import answered_statuses
from tests.support import analysed_app

LOGGER = "flask_filibuster"
TEAPOT = 418
UNAVAILABLE = ("down", 503)
LATENCY = 451.5


def statuses_of(view: Callable[..., Any], app: Flask | None = None) -> set[int]:
    """What is found for an app that has only this view (and the one for static files)."""
    app = app or Flask(__name__)
    app.add_url_rule("/", "view", view)
    return set(answered_statuses(app))


class Teapot(HTTPException):
    code = 418


class PlainError(Exception):
    code = 409


class NotHttpError(Exception):
    pass


class Problem(HTTPException):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class StatusError(Exception):
    def __init__(self, message: str, status_code: int = 400) -> None:
        super().__init__(message)
        self.status_code = status_code


TOO_MANY = werkzeug.exceptions.TooManyRequests()


# raise


def raises_by_name() -> Any:
    raise NotFound


def raises_instance() -> Any:
    raise NotFound("no such movie")


def raises_by_module() -> Any:
    raise werkzeug.exceptions.NotFound("no such movie")


def raises_alias() -> Any:
    raise Vanished


def raises_own_exception() -> Any:
    raise Teapot("short and stout")


def raises_own_plain_exception() -> Any:
    raise PlainError from ValueError()


def raises_module_instance() -> Any:
    raise TOO_MANY


def raises_from_local_import() -> Any:
    from werkzeug.exceptions import Conflict as Clash

    raise Clash


def raises_from_local_module_import() -> Any:
    import werkzeug.exceptions as errors

    raise errors.Forbidden


def raises_from_local_dotted_import() -> Any:
    import werkzeug.exceptions

    raise werkzeug.exceptions.Forbidden


def raises_local_variable() -> Any:
    error = BadGateway("upstream")
    raise error


def raises_one_of_two() -> Any:
    raise NotFound() if request.args else BadGateway


def raises_code_of_its_own() -> Any:
    raise Problem("no", 422)


def raises_status_of_its_own() -> Any:
    raise StatusError("no", status_code=422)


def raises_status_by_default() -> Any:
    raise StatusError("no")


def raises_what_a_function_makes() -> Any:
    raise make_not_found()


def make_not_found() -> NotFound:
    return NotFound("made")


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (raises_by_name, 404),
        (raises_instance, 404),
        (raises_by_module, 404),
        (raises_alias, 410),
        (raises_own_exception, 418),
        (raises_own_plain_exception, 409),
        (raises_module_instance, 429),
        (raises_from_local_import, 409),
        (raises_from_local_module_import, 403),
        (raises_from_local_dotted_import, 403),
        (raises_local_variable, 502),
        (raises_code_of_its_own, 422),
        (raises_status_of_its_own, 422),
        (raises_status_by_default, 400),
        (raises_what_a_function_makes, 404),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_raised_exception_has_its_code(view: Callable[..., Any], expected: int) -> None:
    assert statuses_of(view) == {expected}


def test_conditional_raise_has_both_codes() -> None:
    assert statuses_of(raises_one_of_two) == {404, 502}


def test_exceptions_without_code_are_ignored() -> None:
    def view() -> Any:
        if request.args:
            raise NotHttpError
        if request.form:
            raise HTTPException
        try:
            return "fine"
        except ValueError as error:
            flash(str(error))
            raise error  # noqa: TRY201
        except KeyError:
            flash("x")
            raise

    assert statuses_of(view) == set()


# abort


def aborts() -> Any:
    abort(404)


def aborts_by_module() -> Any:
    flask.abort(404)


def aborts_by_alias() -> Any:
    stop(404)


def aborts_by_keyword() -> Any:
    abort(code=404)


def aborts_with_enum() -> Any:
    abort(HTTPStatus.NOT_FOUND, "no such movie")


def aborts_through_app() -> Any:
    current_app.aborter(404)


def aborts_with_response() -> Any:
    abort(Response("no such movie", status=404))


def aborts_with_made_response() -> Any:
    abort(make_response("no such movie", 404))


def aborts_in_lambda_argument() -> Any:
    return jsonify(sorted(request.args, key=lambda each: abort(404)))


@pytest.mark.parametrize(
    "view",
    [
        aborts,
        aborts_by_module,
        aborts_by_alias,
        aborts_by_keyword,
        aborts_with_enum,
        aborts_through_app,
        aborts_with_response,
        aborts_with_made_response,
        aborts_in_lambda_argument,
    ],
    ids=lambda value: value.__name__,
)
def test_an_abort_answers_with_its_status(view: Callable[..., Any]) -> None:
    assert statuses_of(view) == {404}


# return


def returns_pair() -> Any:
    return "down", 503


def returns_triple() -> Any:
    return "down", 503, {"Retry-After": "1"}


def returns_enum() -> Any:
    return "down", HTTPStatus.SERVICE_UNAVAILABLE


def returns_value_of_enum() -> Any:
    return "down", http.HTTPStatus.SERVICE_UNAVAILABLE.value


def returns_text_status() -> Any:
    return "down", "503 Service Unavailable"


def returns_made_response() -> Any:
    return make_response("down", 503)


def returns_made_response_of_pair() -> Any:
    return flask.make_response(("down", 503))


def returns_response() -> Any:
    return Response("down", status=503)


def returns_response_by_place() -> Any:
    return flask.Response("down", 503)


def returns_response_with_text_status() -> Any:
    return Response(status="503 Service Unavailable")


def returns_response_class() -> Any:
    return current_app.response_class("down", status=503)


def returns_changed_response() -> Any:
    response = jsonify(error="down")
    response.status_code = 503
    return response


def returns_response_with_changed_text() -> Any:
    response = jsonify(error="down")
    response.status = "503 SERVICE UNAVAILABLE"
    return response


def returns_local_response() -> Any:
    answer = "down", 503
    return answer  # noqa: RET504


def returns_global_pair() -> Any:
    return UNAVAILABLE


def returns_exception() -> Any:
    return werkzeug.exceptions.ServiceUnavailable()


async def returns_awaited() -> Any:
    return await answers_later()


async def answers_later() -> Any:
    return "down", 503


@pytest.mark.parametrize(
    "view",
    [
        returns_pair,
        returns_triple,
        returns_enum,
        returns_value_of_enum,
        returns_text_status,
        returns_made_response,
        returns_made_response_of_pair,
        returns_response,
        returns_response_by_place,
        returns_response_with_text_status,
        returns_response_class,
        returns_changed_response,
        returns_response_with_changed_text,
        returns_local_response,
        returns_global_pair,
        returns_exception,
        returns_awaited,
        lambda: ("down", 503),
    ],
    ids=lambda value: value.__name__,
)
def test_returned_response_has_its_status(view: Callable[..., Any]) -> None:
    assert statuses_of(view) == {503}


def test_response_class_of_an_app() -> None:
    app = Flask(__name__)

    def view() -> Any:
        return app.response_class("down", status=503)

    assert statuses_of(view, app) == {503}


def test_received_response_is_no_answer() -> None:
    """One of requests."""
    from requests import Response as Received

    def view() -> Any:
        return Received("x", status=503)  # type: ignore[call-arg]

    assert statuses_of(view) == set()


# where the number comes from


def test_both_sides_of_a_conditional_status() -> None:
    def view(missing: bool) -> Any:
        return "x", 404 if missing else 409

    assert statuses_of(view) == {404, 409}


def test_both_sides_of_a_conditional_response() -> None:
    def view(missing: bool) -> Any:
        return ("no", 404) if missing else ("yes", 200) if request.args else make_response("", 503)

    assert statuses_of(view) == {404, 503}


def test_status_by_name() -> None:
    def view() -> Any:
        return "short and stout", TEAPOT

    assert statuses_of(view) == {418}


def test_status_from_a_closure() -> None:
    status = 507

    def view() -> Any:
        return "full", status

    assert statuses_of(view) == {507}


def test_status_from_a_class_attribute() -> None:
    def view() -> Any:
        return "x", Teapot.code

    assert statuses_of(view) == {418}


def test_all_assigned_constants_are_found() -> None:
    def view() -> Any:
        status: int = 503
        with open("x") as file:
            for _ in file:
                status = HTTPStatus.CONFLICT
        if (other := 422) and request.args:
            return "x", other
        return "x", status

    assert statuses_of(view) == {503, 409, 422}


def test_unknown_local_hides_the_global() -> None:
    def loop() -> Any:
        for TEAPOT in range(600):  # noqa: B007, N806
            pass
        return "x", TEAPOT

    def parameter(TEAPOT: int) -> Any:  # noqa: N803
        return "x", TEAPOT

    def parameter_of_lambda() -> Any:
        return jsonify(sorted([1], key=lambda TEAPOT: abort(TEAPOT)))  # noqa: N803

    def caught() -> Any:
        try:
            return "x"
        except ValueError as TEAPOT:
            return "x", TEAPOT

    def captured(value: object) -> Any:
        match value:
            case int() as TEAPOT:  # noqa: N806
                return "x", TEAPOT
        return "x"

    for view in (loop, parameter, parameter_of_lambda, caught, captured):
        assert statuses_of(view) == set(), view


def test_status_from_an_assignment_expression() -> None:
    def view() -> Any:
        return "x", (status := 422), {"X-Status": str(status)}

    assert statuses_of(view) == {422}


def test_statuses_are_plain_numbers() -> None:
    app = Flask(__name__)
    app.add_url_rule("/", "view", returns_enum)

    assert [type(each) for each in answered_statuses(app)] == [int]


def test_circular_assignments_end() -> None:
    def view() -> Any:
        status = 404
        other = unknown() or status or 503
        status = unknown() or other
        query = unknown()
        query = query.filter().first
        status = status.real or status
        answer = unknown() or ("x", 422)
        answer = unknown() or answer
        return answer if request.args else ("x", status)

    assert statuses_of(view) == {404, 503, 422}


def test_local_class_hides_the_global() -> None:
    def view() -> Any:
        class NotFound(Exception):  # noqa: N818
            pass

        raise NotFound

    assert statuses_of(view) == set()


def test_empty_closure_variable_is_unknown() -> None:
    def view() -> Any:
        return late, 404

    def other() -> Any:
        return "x", late if request.args else 409

    assert statuses_of(view) == {404}
    assert statuses_of(other) == {409}
    late = 503


def test_deeply_nested_statuses_are_found() -> None:
    def view(kind: str) -> Any:
        try:
            with open(kind):
                while True:
                    match kind:
                        case "a":
                            return "a", 404
                        case "b":
                            abort(409)
        except OSError:
            raise BadGateway from None
        finally:
            if kind == "c":
                return "c", 410  # noqa: B012

    assert statuses_of(view) == {404, 409, 410, 502}


# what is no status


def test_other_numbers_are_no_statuses() -> None:
    def view() -> Any:
        if request.args:
            return 404
        if request.form:
            return "x", True
        if request.files:
            return "x", 399
        if request.cookies:
            return "x", 600
        if request.date:
            return "x", LATENCY
        if request.host:
            return "x", 200, {"X": 404}
        if request.path:
            return 404, 503, 200, 409
        return ["x", 404]

    assert statuses_of(view) == set()


def test_other_attributes_are_no_statuses() -> None:
    def view() -> Any:
        order = types.SimpleNamespace()
        order.status = 404
        order.code = 409
        order.price = 503
        order.update(404, range(503))
        return "x"

    assert statuses_of(view) == set()


# helpers


def area_code() -> Any:
    return "Sacramento", 451


def careful_helper(name: str = "") -> Any:
    if not request.args:
        raise NotFound
    if not request.form:
        abort(409)
    return "Sacramento", 451


def test_pair_of_a_returned_helper() -> None:
    def view() -> Any:
        return area_code()

    assert statuses_of(view) == {451}


def test_pair_of_a_helper_returned_later() -> None:
    def view() -> Any:
        result = area_code()
        return result  # noqa: RET504

    assert statuses_of(view) == {451}


def test_pair_of_a_helpers_helper() -> None:
    def helper() -> Any:
        return area_code() if request.args else ("x", 404)

    def view() -> Any:
        return helper()

    assert statuses_of(view) == {404, 451}


def test_used_pair_is_no_answer() -> None:
    """What its helper raises is one."""

    def view() -> Any:
        city, _ = careful_helper()
        return city, 200

    assert statuses_of(view) == {404, 409}


def test_used_pair_of_a_lambda() -> None:
    city: Callable[[], Any] = lambda: ("Sacramento", 451)  # noqa: E731

    def view() -> Any:
        return city()[0]

    assert statuses_of(view) == set()


def test_used_and_returned_helper_answers() -> None:
    def view() -> Any:
        if not area_code():
            return "x"
        return area_code()

    def other_view() -> Any:
        if request.args:
            return area_code()
        return area_code()[0]

    assert statuses_of(view) == statuses_of(other_view) == {451}


def test_arguments_are_known_in_helpers() -> None:
    def fail(error: type[Exception], code: str) -> Any:
        raise error(code)

    def find(source: Repository) -> Any:
        return source.find()

    def retry(step: Callable[[], Any]) -> Any:
        return step()

    def view() -> Any:
        def load() -> Any:
            return find(repository) or retry(area_code) or ("x", 422)

        return retry(load) if request.args else fail(NotFound, "x")

    assert statuses_of(view) == {404, 410, 451, 422}


def test_nested_function_knows_outer_arguments() -> None:
    """Those of each call of the function around it."""

    def problem(status: int) -> Any:
        def answer() -> Any:
            return "x", status

        return answer()

    def view() -> Any:
        return problem(404) if request.args else problem(409)

    assert statuses_of(view) == {404, 409}


def test_handed_on_helper_is_read() -> None:
    def view() -> Any:
        return jsonify(sorted(request.args, key=careful_helper))

    assert statuses_of(view) == {404, 409}


def test_status_is_followed_into_a_helper() -> None:
    def problem(message: str, status: int = 418, *, hard: bool = False) -> Any:
        return jsonify(error=message, hard=hard), status

    def view() -> Any:
        if request.args:
            return problem("x", 422)
        return problem("x", hard=True, status=409 if request.form else 410)

    assert statuses_of(view) == {422, 409, 410}


def test_omitted_parameter_has_its_default() -> None:
    def problem(message: str, status: int = 418) -> Any:
        return jsonify(error=message), status

    def view() -> Any:
        return problem("x")

    assert statuses_of(view) == {418}


def test_omitted_keyword_has_its_default() -> None:
    def problem(message: str, *, status: int = 418) -> Any:
        return jsonify(error=message), status

    def view() -> Any:
        return problem("x")

    assert statuses_of(view) == {418}


def test_given_status_replaces_the_default() -> None:
    def refuse(status: int = 418) -> Any:
        abort(status)

    def view() -> Any:
        refuse(422)

    assert statuses_of(view) == {422}


def test_unknown_argument_replaces_the_default() -> None:
    def problem(message: str, status: int = 418) -> Any:
        return jsonify(error=message), status

    def view() -> Any:
        return problem("x", int(request.args["status"]))

    assert statuses_of(view) == set()


def recursing(depth: int, status: int) -> Any:
    if depth:
        return recursing(depth - 1, status)
    if depth > 1:
        return recursing_back(depth, 409)
    return "x", status


def recursing_back(depth: int, status: int) -> Any:
    return recursing(depth, status)


def test_calls_of_a_function_are_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(status: int, message: str) -> Any:
        abort(status, message)

    def view() -> Any:
        refuse(404, "one")
        refuse(404, "two")
        refuse(409, "three")

    monkeypatch.setattr(static_analysis, "MOST_CALLS", 2)
    assert statuses_of(view) == {404, 409}

    monkeypatch.setattr(static_analysis, "MOST_CALLS", 1)
    assert statuses_of(view) in ({404}, {409})


def test_functions_that_call_each_other_end() -> None:
    def view() -> Any:
        return recursing(3, 404)

    assert statuses_of(view) == {404, 409}


def test_nested_functions_count_where_used() -> None:
    def view() -> Any:
        def answer() -> Any:
            return deeper()

        def deeper() -> Any:
            return "x", TEAPOT

        def pair() -> Any:
            if request.args:
                raise NotFound
            return "x", 503

        later: Callable[[], Any] = lambda: ("x", 410)  # noqa: E731
        if pair():
            return later()
        return answer()

    assert statuses_of(view) == {404, 410, 418}


def test_methods_that_hand_themselves_on_end() -> None:
    def view() -> Any:
        return repository.again(repository.find, 409)

    assert statuses_of(view) == {404, 409, 410}


def test_mutually_recursive_nested_functions_end() -> None:
    def view() -> Any:
        def one(depth: int) -> Any:
            return two(lambda: depth, 404)

        def two(depth: Any, status: int) -> Any:
            def inner() -> Any:
                return one(depth) if depth else ("x", status)

            return inner()

        return one(3)

    assert statuses_of(view) == {404}


def unknown() -> Any:
    return int(request.args["status"])


class Repository:
    status = 410
    limit = 413

    def __init__(self) -> None:
        if request.args:
            abort(429)

    def find(self) -> Any:
        self.check()
        return "x"

    def check(self) -> None:
        abort(self.status)

    def again(self, step: Callable[..., Any], status: int) -> Any:
        return self.again(self.again, 404) if status else ("x", status)

    @classmethod
    def all(cls) -> Any:
        abort(unknown() or cls.limit)

    @staticmethod
    def none(status: int) -> Any:
        abort(status)

    @property
    def first(self) -> Any:
        raise NotFound

    @functools.cached_property
    def last(self) -> Any:
        raise BadGateway

    def __call__(self) -> Any:
        return "x", 507


class Limit:
    def __init__(self, status: int) -> None:
        self.status = status

    def __call__(self) -> Any:
        return self.refuse()

    def refuse(self) -> Any:
        return "x", self.status


repository = Repository.__new__(Repository)


def test_methods_of_a_new_instance() -> None:
    def view() -> Any:
        return jsonify(Repository().find())

    assert statuses_of(view) == {429, 410}


def test_methods_of_a_local_instance() -> None:
    def view() -> Any:
        local = Repository()
        return jsonify(local.find())

    assert statuses_of(view) == {429, 410}


def test_methods_of_a_global_instance() -> None:
    def view() -> Any:
        return jsonify(repository.find(), repository.none(411), Repository.all())

    assert statuses_of(view) == {410, 411, 413}


def test_properties_are_followed_without_being_called() -> None:
    def view() -> Any:
        return jsonify(repository.first, repository.last)

    assert statuses_of(view) == {404, 502}


def test_an_instance_can_be_the_view() -> None:
    assert statuses_of(repository) == {507}


def test_a_closure_may_hold_an_instance() -> None:
    limit = Limit(429)

    def view() -> Any:
        return limit()

    assert statuses_of(view) == {429}
    assert statuses_of(limit.refuse) == {429}


def test_bound_method_as_view() -> None:
    assert statuses_of(repository.find) == {410}


def test_a_partial_can_be_the_view() -> None:
    assert statuses_of(functools.partial(returns_pair)) == {503}


def test_status_given_by_a_partial() -> None:
    def view(message: str, status: int = 418) -> Any:
        return message, status

    assert statuses_of(functools.partial(functools.partial(view, "x"), 409)) == {409}


# classes


class Base(View):
    def missing(self) -> Any:
        return "x", self.status

    status = 404


class Movies(Base):
    status = 410

    def dispatch_request(self, **values: Any) -> Any:
        return self.missing()


class Bookings(MethodView):
    def get(self) -> Any:
        return self._refused()

    def post(self) -> Any:
        self.check()
        return "x", 409

    def delete(self) -> Any:
        return super().dispatch_request()

    def unused(self) -> Any:
        return "x", 500

    @classmethod
    def check(cls) -> None:
        abort(403)

    @staticmethod
    def _refused() -> Any:
        return "x", 503


def test_a_view_class_is_read() -> None:
    assert statuses_of(Movies.as_view("movies")) == {410}


def test_flask_itself_contributes_nothing() -> None:
    """Not even to an app called flask."""
    assert statuses_of(flask.Request.on_json_loading_failed, Flask("flask")) == set()


def test_name_of_the_app_is_irrelevant() -> None:
    assert statuses_of(functools.partial(returns_pair), Flask("of no module")) == {503}


def test_methods_of_a_method_view() -> None:
    assert statuses_of(Bookings.as_view("bookings")) == {403, 409, 503}


def needs_token(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if "token" not in request.headers:
            return "who are you?", 401
        return view(*args, **kwargs)

    return wrapper


def needs_token_unwrapped(view: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if "token" not in request.headers:
            abort(401)
        return view(*args, **kwargs)

    return wrapper


class Guarded(MethodView):
    decorators: ClassVar = [needs_token]

    def get(self) -> Any:
        return "x", 404


def test_decorated_view_class() -> None:
    """Its decorator is read, too."""
    assert statuses_of(Guarded.as_view("guarded")) == {401, 404}


def test_decorated_view() -> None:
    """Its decorators are read, too."""

    @needs_token
    @functools.lru_cache
    def view() -> Any:
        return "x", 404

    assert statuses_of(view) == {401, 404}


def test_decorator_without_wraps() -> None:
    @needs_token_unwrapped
    def view() -> Any:
        return "x", 404

    assert statuses_of(view) == {401, 404}


def test_decorated_helper() -> None:
    """Its decorator is read, too."""

    @needs_token
    def helper() -> Any:
        return "x", 404

    def view() -> Any:
        return helper()

    assert statuses_of(view) == {401, 404}


def test_wrappers_keep_their_own_variables() -> None:
    def failing(status: int) -> Callable[[], Any]:
        def view() -> Any:
            return "x", status

        return view

    app = Flask(__name__)
    app.add_url_rule("/a", "a", failing(404))
    app.add_url_rule("/b", "b", failing(503))

    assert answered_statuses(app) == {404, 503}


# the app


def test_hooks_and_error_handlers_are_read() -> None:
    app = Flask(__name__)
    blueprint = flask.Blueprint("orders", __name__)

    @app.before_request
    def refuse() -> Any:
        return "closed", 503

    @blueprint.before_request
    def refuse_orders() -> Any:
        abort(403)

    @app.errorhandler(ValueError)
    def invalid(error: ValueError) -> Any:
        return str(error), 422

    @blueprint.errorhandler(404)
    def missing(error: NotFound) -> Any:
        return error, HTTPStatus.GONE

    app.register_blueprint(blueprint)

    assert answered_statuses(app) == {403, 410, 422, 503}


def test_modules_of_the_package_are_read() -> None:
    assert answered_statuses(analysed_app.create_app()) == {401, 409, 410, 413, 422, 423}


SERVICE = """
from flask import Flask

app = Flask(__name__)

@app.get("/")
def view():
    return helper()

def helper():
    return "x", 404
"""


def test_view_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read with that package."""
    (tmp_path / "other_service.py").write_text(SERVICE)
    monkeypatch.syspath_prepend(tmp_path)
    other_service = importlib.import_module("other_service")

    assert statuses_of(other_service.view) == {404}


def test_other_packages_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_library.py").write_text(SERVICE)
    monkeypatch.syspath_prepend(tmp_path)
    some_library = importlib.import_module("some_library")

    def view() -> Any:
        return some_library.helper()

    assert statuses_of(view) == set()


def test_what_flask_registers_itself_contributes_nothing() -> None:
    app = Flask(__name__)

    assert "static" in app.view_functions
    assert answered_statuses(app) == set()


def test_app_of_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    (packages / "installed_service.py").write_text(SERVICE)
    monkeypatch.syspath_prepend(packages)
    installed_service = importlib.import_module("installed_service")

    assert answered_statuses(installed_service.app) == {404}
    assert statuses_of(installed_service.view) == set()


ASSERTION = """
from flask_filibuster.faultmodel.static_analysis import answered_statuses

assert answered_statuses(app) == {404}, answered_statuses(app)
"""
ROOT = str(Path(static_analysis.__file__).parents[2])


def test_view_of_the_standard_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read."""
    (tmp_path / "standard_service.py").write_text(SERVICE)
    monkeypatch.syspath_prepend(tmp_path)
    standard_service = importlib.import_module("standard_service")
    monkeypatch.setattr(own_code, "_INSTALLED", (f"{tmp_path}{os.sep}",))

    assert statuses_of(standard_service.view) == set()


def test_an_app_in_main_is_read(tmp_path: Path) -> None:
    script = tmp_path / "service.py"
    script.write_text(SERVICE + ASSERTION)
    subprocess.run([sys.executable, str(script)], check=True, env={"PYTHONPATH": ROOT})


def test_package_run_as_main_is_read(tmp_path: Path) -> None:
    package = tmp_path / "service"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "helpers.py").write_text("def helper():\n    return 'x', 404\n")
    service = SERVICE.replace("return helper()", "from . import helpers; return helpers.helper()")
    (package / "__main__.py").write_text("from . import helpers\n" + service + ASSERTION)
    command = [sys.executable, "-m", "service"]
    subprocess.run(command, check=True, cwd=tmp_path, env={"PYTHONPATH": ROOT})


# what cannot be read


def test_view_without_source_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    names: dict[str, Any] = {"__name__": __name__}
    exec("def view():\n    return 'x', 404\n", names)
    app = Flask(__name__)
    app.add_url_rule("/sum", "sum", sum)
    app.add_url_rule("/pair", "pair", returns_pair)
    caplog.set_level(logging.DEBUG, LOGGER)

    assert statuses_of(names["view"], app) == {503}
    assert "no source of view in <string>" in caplog.text
    assert "no source of sum" in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}


def test_unparsable_source_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "service_of_tomorrow.py"
    file.write_text("def view():\n    return 'x', 404\n")
    monkeypatch.syspath_prepend(tmp_path)
    service_of_tomorrow = importlib.import_module("service_of_tomorrow")

    file.write_text("syntax of tomorrow\n")
    caplog.set_level(logging.DEBUG, LOGGER)

    assert statuses_of(service_of_tomorrow.view) == set()
    assert f"cannot analyse {file}: SyntaxError" in caplog.text


def test_compiler_warnings_are_silenced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "careless_service.py").write_text(SERVICE.replace('"x"', r'"\d"'))
    monkeypatch.syspath_prepend(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        careless_service = importlib.import_module("careless_service")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert answered_statuses(careless_service.app) == {404}


class MakesUp:
    """Makes up attributes without end."""

    def __getattr__(self, name: str) -> Any:
        return MakesUp()


class Odd:
    """Has every attribute, and none can be used."""

    def __getattr__(self, name: str) -> Any:
        return Odd()

    @property
    def __wrapped__(self) -> Any:
        raise RuntimeError("working outside of every context")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError


odd: Any = Odd()


class RaisingApp:
    import_name = __name__

    @property
    def view_functions(self) -> Any:
        raise RuntimeError


@pytest.mark.parametrize(
    "weird",
    [
        None,
        object(),
        odd,
        RaisingApp(),
        types.SimpleNamespace(view_functions=None),
        types.SimpleNamespace(
            view_functions={"a": None, "b": 404, "c": odd, "d": Odd, "e": "x", "f": MakesUp()}
        ),
        types.SimpleNamespace(
            import_name=odd,
            view_functions={},
            before_request_funcs={None: [odd]},
            error_handler_spec={None: {None: {ValueError: odd}}},
        ),
    ],
    ids=["none", "object", "odd", "raising", "no views", "no functions", "odd functions"],
)
def test_no_app_is_too_weird(weird: Any) -> None:
    assert answered_statuses(weird) == set()


def test_odd_objects_hide_nothing() -> None:
    def view() -> Any:
        odd.anything(odd, key=odd)
        odd.status_code = odd
        if odd:
            raise odd
        status = odd
        status = 404
        return odd.attribute if odd else odd, status

    assert statuses_of(view) == {404}


class Unplaceable:
    @property
    def __module__(self) -> str:  # type: ignore[override]
        raise RuntimeError


def test_unreadable_part_hides_no_views() -> None:
    app = types.SimpleNamespace(
        view_functions={"odd": Unplaceable(), "view": returns_pair}, before_request_funcs=404
    )

    assert answered_statuses(app) == {503}


def test_used_instance_is_not_called() -> None:
    class Closed:
        open = False

        def __call__(self) -> Any:
            abort(503)

    closed = Closed()

    def view() -> Any:
        return jsonify(closed.open, closed)

    assert statuses_of(view) == set()


def test_each_file_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = ast.parse

    def counting(source: str, *args: Any) -> Any:
        parsed.append(source)
        return parse(source, *args)

    app = analysed_app.create_app()
    app.add_url_rule("/again", "again", analysed_app.orders.show)
    with monkeypatch.context() as patch:
        patch.setattr(ast, "parse", counting)
        answered_statuses(app)

    modules = ("orders", "stock", "pricing", "access", "problems")
    files = [Path(analysed_app.__file__).with_name(f"{each}.py") for each in modules]
    assert sorted(parsed) == sorted(file.read_text() for file in files)


def test_the_analysis_itself_needs_no_flask() -> None:
    code = (
        "import sys, flask_filibuster.faultmodel.static_analysis as a;"
        "a.answered_statuses(object());"
        "assert not {'flask', 'werkzeug', 'requests'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ROOT})


def test_own_hooks_are_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of the extension."""
    read: list[str] = []

    def getlines(filename: str, module_globals: dict[str, Any] | None = None) -> list[str]:
        read.append(Path(filename).name)
        return real(filename, module_globals)

    real = linecache.getlines
    monkeypatch.setattr(linecache, "getlines", getlines)
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: ("gone", 410))
    Filibuster(app)
    assert answered_statuses(app) == {410}
    assert set(read) == {Path(__file__).name}
