"""A shop whose page has three parts, each from a call without a timeout, with its services."""

import requests
from flask import Flask

from flask_filibuster import Filibuster

app, stock = Flask("shop"), Flask("stock")
app.config["FILIBUSTER_MAX_EXECUTIONS"] = 5
Filibuster(app)


@app.get("/")
def index() -> str:
    parts = []
    for number in range(3):
        try:
            parts.append(str(requests.get("http://stock/" + str(number)).status_code))
        except requests.RequestException:  # noqa: PERF203 - each part fails alone
            parts.append("none")
    return " ".join(parts)


@stock.get("/<int:number>")
def part(number: int) -> str:
    return "part"


def services() -> dict[str, Flask]:
    return {"http://shop": app, "http://stock": stock}
