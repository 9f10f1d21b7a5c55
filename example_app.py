"""A small shop: eight services that call each other with requests.

    flask --app example_app filibuster explore /products/tea

The checks of its answers are in no test: what is wrong with it is found by judgement built in.
"""

from __future__ import annotations

from typing import Any

import requests
from flask import Flask, abort
from flask.typing import ResponseReturnValue

from flask_filibuster import Filibuster

CATALOG = "http://catalog:5001"
PRICING = "http://pricing:5002"
TAXES = "http://taxes:5003"
RATES = "http://rates:5004"
REVIEWS = "http://reviews:5005"
ARCHIVE = "http://archive:5006"
RECOMMENDATIONS = "http://recommendations:5007"
SHOP = "http://shop:5000"

# --- shop: what customers see -------------------------------------------------------------------

app = Flask("shop")
Filibuster(app, service_name="shop")


@app.get("/products/<name>")
def product_page(name: str) -> ResponseReturnValue:
    try:
        product = requests.get(f"{CATALOG}/products/{name}", timeout=2)
        if product.status_code == 404:
            return {"error": f"no product {name}"}, 404
        product.raise_for_status()
        price = requests.get(f"{PRICING}/prices/{name}", timeout=10)
        price.raise_for_status()
    except requests.RequestException:
        return {"error": "please come back later"}, 503
    return {
        "product": product.json(),
        "price": price.json(),
        "rating": rating_of(name),
        "see_also": recommended(name),
    }


def rating_of(name: str) -> Any:
    """The rating of a product; last night's when the review service is down."""
    try:
        reviews = requests.get(f"{REVIEWS}/ratings/{name}", timeout=1)
        reviews.raise_for_status()
    except requests.RequestException:
        try:
            reviews = requests.get(f"{ARCHIVE}/ratings/{name}", timeout=1)
        except requests.RequestException:
            return None
    return reviews.json()["rating"]


def recommended(name: str) -> list[str]:
    """Nice to have: the page does without."""
    try:
        answer = requests.get(f"{RECOMMENDATIONS}/for/{name}", timeout=0.5)
    except requests.ConnectionError:
        return []
    names: list[str] = answer.json()["names"] if answer.ok else []
    return names


# --- catalog ------------------------------------------------------------------------------------

catalog = Flask("catalog")
PRODUCTS = {"tea": {"name": "Tea", "net": 4.0}, "cups": {"name": "Cups", "net": 12.5}}


@catalog.get("/products/<name>")
def product(name: str) -> ResponseReturnValue:
    if name not in PRODUCTS:
        abort(404)
    return PRODUCTS[name]


# --- pricing: asks for taxes twice before it gives up -------------------------------------------

pricing = Flask("pricing")
ATTEMPTS = 2


@pricing.get("/prices/<name>")
def gross_price(name: str) -> ResponseReturnValue:
    for _ in range(ATTEMPTS):
        try:
            tax = requests.get(f"{TAXES}/taxes/{name}", timeout=4)
            tax.raise_for_status()
        except requests.RequestException:
            continue
        return {"gross": round(PRODUCTS[name]["net"] * (1 + tax.json()["rate"]), 2)}
    return {"error": "taxes unknown"}, 503


# --- taxes: needs the rates of the day ----------------------------------------------------------

taxes = Flask("taxes")


@taxes.get("/taxes/<name>")
def tax(name: str) -> ResponseReturnValue:
    try:
        rates = requests.get(f"{RATES}/rates/today", timeout=3)
        rates.raise_for_status()
    except requests.RequestException:
        return {"error": "no rates today"}, 503
    return {"rate": rates.json()["standard"]}


rates = Flask("rates")


@rates.get("/rates/today")
def rates_of_today() -> ResponseReturnValue:
    return {"standard": 0.19}


# --- reviews, and their archive -----------------------------------------------------------------

reviews = Flask("reviews")
archive = Flask("archive")


@reviews.get("/ratings/<name>")
def rating(name: str) -> ResponseReturnValue:
    return {"rating": 4.5}


@archive.get("/ratings/<name>")
def rating_of_last_night(name: str) -> ResponseReturnValue:
    return {"rating": 4.4}


# --- recommendations ----------------------------------------------------------------------------

recommendations = Flask("recommendations")


@recommendations.get("/for/<name>")
def names_for(name: str) -> ResponseReturnValue:
    return {"names": [other for other in PRODUCTS if other != name]}


filibuster_services = {
    SHOP: app,
    CATALOG: catalog,
    PRICING: pricing,
    TAXES: taxes,
    RATES: rates,
    REVIEWS: reviews,
    ARCHIVE: archive,
    RECOMMENDATIONS: recommendations,
}
