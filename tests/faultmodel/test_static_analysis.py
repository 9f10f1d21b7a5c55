"""Which statuses are found in the source of a view, and which are not."""

from __future__ import annotations

import http
import types
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import flask
import pytest
import werkzeug.exceptions
from flask import Flask, Response, abort, current_app, flash, jsonify, make_response, request
from flask import abort as stop
from werkzeug.exceptions import BadGateway, HTTPException, NotFound
from werkzeug.exceptions import Gone as Vanished

from flask_filibuster.faultmodel.static_analysis import answered_statuses
from tests.support.statuses import returns_pair, statuses_of, unknown

TEAPOT = 418

UNAVAILABLE = ("down", 503)
LATENCY = 451.5


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
