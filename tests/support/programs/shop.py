"""A shop, which asks for its stock with more or less care, and all its services."""

import logging
from collections.abc import Iterator

import requests
from flask import Flask, Response, request

from flask_filibuster import Filibuster

app = Flask("shop")
app.config.from_mapping()
Filibuster(app)
stock = Flask("stock")
STOCK = "http://stock:5001"


@app.get("/careful")
def careful() -> str:
    try:
        answer = requests.get(STOCK + "/count", timeout=1)
        answer.raise_for_status()
    except requests.RequestException:
        return "none"
    return answer.text


@app.get("/careless")
def careless() -> str:
    print("printed by the app")  # noqa: T201 - whether it is shown is tested
    logging.getLogger("shop").warning("asking for the stock")
    try:
        return requests.get(STOCK + "/count", timeout=1).text
    except requests.ConnectionError:
        return "none"


@app.get("/passed-on")
def passed_on() -> str | tuple[str, int]:
    try:
        answer = requests.get(STOCK + "/count", timeout=1)
    except requests.RequestException:
        return "none"
    return answer.text, answer.status_code


@app.get("/patient")
def patient() -> str:
    try:
        return requests.get(STOCK + "/count").text
    except requests.RequestException:
        return "none"


@app.get("/streamed")
def streamed() -> Response:
    def body() -> Iterator[str]:
        yield "count: "
        yield requests.get(STOCK + "/count", timeout=1).text

    return Response(body())


@app.post("/orders")
def order() -> str | tuple[str, int]:
    if request.json != {"item": "tea"} or request.headers["Authorization"] != "Bearer: x":
        return "not understood", 400
    return careful()


@app.get("/alone")
def alone() -> str:
    return "alone"


@app.get("/broken")
def broken() -> str:
    return str(1 / 0)


@app.get("/host")
def host() -> tuple[str, int]:
    return "", 200 if request.host == "shop:5000" else 404


calls: list[str] = []


@app.get("/moody")
def moody() -> str:
    calls.append("one more")
    return careful() if len(calls) < 3 else "not any more"


@stock.get("/count")
def count() -> str:
    return "7"


filibuster_services = {STOCK: stock}


def make_services() -> dict[str, Flask]:
    return {"http://shop:5000": app, STOCK: stock}


def make_services_of(app: Flask) -> dict[str, Flask]:
    return {}
