"""The shapes of applications for which counts are published, as Flask services.

Each function makes one afresh, as ``services=`` for ``explore``. ``FAULTS`` has, by the name of the
function, the fault model that its count is about.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask, abort, jsonify
from flask.typing import ResponseReturnValue
from requests import RequestException

from flask_filibuster import FaultModel

Services = dict[str, Flask]


FIRST_PORT = "SHAPES_FIRST_PORT"
"""Environment variable: the port on this machine of the services that have port 5000."""


def at(url: str) -> str:
    """Where a service is: under its own name, or on this machine, if the environment says so."""
    if FIRST_PORT not in os.environ:
        return url
    parts = urlsplit(url)
    port = int(os.environ[FIRST_PORT]) + (parts.port or 0) - 5000
    return parts._replace(netloc=f"127.0.0.1:{port}").geturl()


def _with_statuses(**statuses: tuple[int, ...]) -> FaultModel:
    return FaultModel(statuses=statuses, default_statuses=())


FAULTS = {
    "two_required_calls": _with_statuses(users=(404, 500), movies=(404, 500)),
    "chain": _with_statuses(bookings=(404, 503, 500), movies=(404, 500)),
    "chain_with_retry": _with_statuses(bookings=(404, 503, 500), movies=(404, 500)),
    "default_data": _with_statuses(users=(404, 500), movies=(404, 500)),
    "fallback": _with_statuses(reviews=(500, 503), ratings=(500,), archive=(500, 503)),
    "retry_in_the_middle": _with_statuses(middle=(500, 503), back=(500, 503)),
    "gateway": FaultModel(default_statuses=(500, 503)),
}


REQUESTS = {
    "two_required_calls": "http://page:5000/page",
    "chain": "http://users:5000/users/chris",
    "chain_with_retry": "http://users:5000/users/chris",
    "default_data": "http://page:5000/page",
    "fallback": "http://shop:5000/books/dune",
    "retry_in_the_middle": "http://front:5000/",
    "gateway": "http://gateway:5000/",
}
"""What a test of each shape asks for."""

COUNTED = {shape: url for shape, url in REQUESTS.items() if shape != "gateway"}
"""Those of the shapes that counts are published for."""


def two_required_calls() -> Services:
    """The page needs a user and a movie, one after the other, and gives up at the first failure."""
    page = Flask("page")

    @page.get("/page")
    def show_page() -> ResponseReturnValue:
        try:
            user = requests.get(at("http://users:5001/users/chris"), timeout=5)
            user.raise_for_status()
            movie = requests.get(at("http://movies:5002/movies/matrix"), timeout=5)
            movie.raise_for_status()
        except RequestException:
            abort(503)
        return jsonify(user=user.json(), movie=movie.json())

    return {
        at("http://page:5000"): page,
        at("http://users:5001"): _users_directory(),
        at("http://movies:5002"): _movies(),
    }


def chain() -> Services:
    """users -> bookings -> movies; users passes a 404 on, every other failure becomes 503."""
    users = Flask("users")

    @users.get("/users/<name>")
    def show_user(name: str) -> ResponseReturnValue:
        try:
            booking = requests.get(at(f"http://bookings:5003/bookings/{name}"), timeout=10)
        except RequestException:
            abort(503)
        if booking.status_code == 404:
            abort(404)
        if not booking.ok:
            abort(503)
        return jsonify(name=name, booking=booking.json())

    return {
        at("http://users:5000"): users,
        at("http://bookings:5003"): _bookings(),
        at("http://movies:5002"): _movies(),
    }


def chain_with_retry() -> Services:
    """The chain, where users tries bookings up to twice, whatever the failure."""
    users = Flask("users")

    @users.get("/users/<name>")
    def show_user(name: str) -> ResponseReturnValue:
        for _attempt in range(2):
            try:
                booking = requests.get(at(f"http://bookings:5003/bookings/{name}"), timeout=10)
                booking.raise_for_status()
            except RequestException:
                continue
            return jsonify(name=name, booking=booking.json())
        return "bookings cannot be reached", 503

    return {
        at("http://users:5000"): users,
        at("http://bookings:5003"): _bookings(),
        at("http://movies:5002"): _movies(),
    }


def default_data() -> Services:
    """The page asks for a user and a movie whatever happens, and makes do without either."""
    page = Flask("page")

    @page.get("/page")
    def show_page() -> ResponseReturnValue:
        user = _json_or({"name": "guest"}, at("http://users:5001/users/chris"))
        movie = _json_or({"title": "unknown"}, at("http://movies:5002/movies/matrix"))
        return jsonify(user=user, movie=movie)

    return {
        at("http://page:5000"): page,
        at("http://users:5001"): _users_directory(),
        at("http://movies:5002"): _movies(),
    }


def fallback() -> Services:
    """The shop shows reviews, which need ratings; failing these, old ones; failing those, none."""
    shop, reviews = Flask("shop"), Flask("reviews")
    archive, ratings = Flask("archive"), Flask("ratings")

    @shop.get("/books/<title>")
    def show_book(title: str) -> ResponseReturnValue:
        for source in (at("http://reviews:5001/reviews"), at("http://archive:5002/archived")):
            try:
                answer = requests.get(f"{source}/{title}", timeout=5)
            except RequestException:
                continue
            if answer.ok:
                return jsonify(title=title, reviews=answer.json())
        return jsonify(title=title, reviews=[])

    @reviews.get("/reviews/<title>")
    def list_reviews(title: str) -> ResponseReturnValue:
        try:
            stars = requests.get(at(f"http://ratings:5003/ratings/{title}"), timeout=2)
            stars.raise_for_status()
        except RequestException:
            return "no ratings", 503
        return jsonify([{"text": "a page turner", "stars": stars.json()}])

    @archive.get("/archived/<title>")
    def list_archived(title: str) -> ResponseReturnValue:
        return jsonify([{"text": "read it twice"}])

    @ratings.get("/ratings/<title>")
    def show_rating(title: str) -> ResponseReturnValue:
        return jsonify(4)

    return {
        at("http://shop:5000"): shop,
        at("http://reviews:5001"): reviews,
        at("http://archive:5002"): archive,
        at("http://ratings:5003"): ratings,
    }


def retry_in_the_middle() -> Services:
    """front -> middle -> back, where middle tries back up to twice."""
    front, middle, back = Flask("front"), Flask("middle"), Flask("back")

    @front.get("/")
    def show_front() -> ResponseReturnValue:
        try:
            answer = requests.get(at("http://middle:5001/middle"), timeout=10)
        except RequestException:
            return "middle cannot be reached", 502
        return answer.text, answer.status_code

    @middle.get("/middle")
    def show_middle() -> ResponseReturnValue:
        status = 500
        for _attempt in range(2):
            try:
                answer = requests.get(at("http://back:5002/back"), timeout=3)
            except RequestException:
                status = 503
                continue
            if answer.ok:
                return answer.text
            status = 500
        return "back gives no answer", status

    @back.get("/back")
    def show_back() -> ResponseReturnValue:
        return "the answer"

    return {
        at("http://front:5000"): front,
        at("http://middle:5001"): middle,
        at("http://back:5002"): back,
    }


REQUIRED, OPTIONAL, REPLACED = "required", "optional", "replaced"
"""Kinds of dependencies: needed, done without, or replaced by what a fallback service has."""

DEPENDENCIES = {
    "accounts": REQUIRED,
    "offers": OPTIONAL,
    "orders": REQUIRED,
    "reviews": REPLACED,
    "prices": REQUIRED,
    "news": OPTIONAL,
    "stock": REQUIRED,
    "photos": REPLACED,
}


def gateway(size: int = len(DEPENDENCIES)) -> Services:
    """A page made of what up to eight services have, asked one after the other."""
    page = Flask("gateway")
    kinds = dict(list(DEPENDENCIES.items())[:size])

    @page.get("/")
    def show_page() -> ResponseReturnValue:
        parts = {}
        for name, kind in kinds.items():
            part = _json_or(None, at(f"http://{name}:5001/{name}"))
            if part is None and kind == REQUIRED:
                return f"nothing works without {name}", 503
            if part is None and kind == REPLACED:
                part = _json_or(None, at(f"http://old-{name}:5001/{name}"))
            parts[name] = part
        return jsonify(parts)

    services = {at("http://gateway:5000"): page}
    for name, kind in kinds.items():
        services[at(f"http://{name}:5001")] = _having(name, f"the {name}")
        if kind == REPLACED:
            services[at(f"http://old-{name}:5001")] = _having(name, f"last year's {name}")
    return services


def _having(name: str, what: str) -> Flask:
    service = Flask(what)

    @service.get(f"/{name}")
    def show() -> ResponseReturnValue:
        return jsonify(what)

    return service


def _json_or(default: Any, url: str) -> Any:
    try:
        answer = requests.get(url, timeout=5)
    except RequestException:
        return default
    return answer.json() if answer.ok else default


def _users_directory() -> Flask:
    users = Flask("users")

    @users.get("/users/<name>")
    def show_user(name: str) -> ResponseReturnValue:
        return jsonify(name=name)

    return users


def _bookings() -> Flask:
    bookings = Flask("bookings")

    @bookings.get("/bookings/<name>")
    def show_booking(name: str) -> ResponseReturnValue:
        try:
            movie = requests.get(at("http://movies:5002/movies/matrix"), timeout=5)
        except RequestException:
            abort(503)
        if not movie.ok:
            abort(503)
        return jsonify(name=name, movie=movie.json())

    return bookings


def _movies() -> Flask:
    movies = Flask("movies")

    @movies.get("/movies/<title>")
    def show_movie(title: str) -> ResponseReturnValue:
        return jsonify(title=title)

    return movies
