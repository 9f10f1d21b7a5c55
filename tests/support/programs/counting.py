"""An app whose page crashes if its stock answers too late, with its services."""

import requests
from flask import Flask

from flask_filibuster import Filibuster

app, stock = Flask("shop"), Flask("stock")
Filibuster(app)


@app.get("/page")
def page() -> str:
    try:
        return requests.get("http://stock:5001/count", timeout=1).text
    except requests.ConnectionError:
        return "none"


@stock.get("/count")
def count() -> str:
    return "7"


filibuster_services = {"http://stock:5001": stock}
