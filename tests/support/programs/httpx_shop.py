"""A shop that calls with httpx and does not expect a timeout, with its services."""

import httpx
from flask import Flask

from flask_filibuster import Filibuster

app = Flask("shop")
Filibuster(app)
stock = Flask("stock")
stock.add_url_rule("/count", "count", lambda: "3")


@app.get("/careless")
def careless() -> str:
    try:
        return httpx.get("http://stock:5001/count", timeout=1).text
    except httpx.ConnectError:
        return "none"


services = {"http://shop:5000": app, "http://stock:5001": stock}
