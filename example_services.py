"""Two services to be run as processes of their own; the README explores them over sockets.

The users' page is meant to make do without bookings, and does, as long as nobody answers at all.
"""

from __future__ import annotations

import requests
from flask import Flask, abort, jsonify
from flask.typing import ResponseReturnValue

from flask_filibuster import Filibuster

users = Flask("users")
Filibuster(users)

bookings = Flask("bookings")
Filibuster(bookings)


@users.get("/users/<name>")
def show_user(name: str) -> ResponseReturnValue:
    """The page of a user."""
    try:
        answer = requests.get(f"http://127.0.0.1:5002/bookings/{name}", timeout=2)
    except requests.RequestException:
        return jsonify(name=name, bookings=[])
    return jsonify(name=name, bookings=answer.json())


@bookings.get("/bookings/<name>")
def list_bookings(name: str) -> ResponseReturnValue:
    """What a user has booked."""
    if name != "chris":
        abort(404)
    return jsonify(["Casablanca"])
