"""Statuses of what a view calls: helpers, methods, decorators, views that are classes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import flask
import pytest
from flask import Flask, abort, jsonify, request
from flask.views import MethodView, View
from werkzeug.exceptions import BadGateway, NotFound

from flask_filibuster.faultmodel import static_analysis
from flask_filibuster.faultmodel.static_analysis import answered_statuses
from tests.support.statuses import returns_pair, statuses_of, unknown

TEAPOT = 418


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


def test_calls_of_a_function_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.slow
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
