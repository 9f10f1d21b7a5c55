"""Front, which calls back: what most suites explore that tests run in a pytest of their own."""

from contextlib import suppress
from pathlib import Path

import requests
from flask import Flask

front = Flask("front")
back = Flask("back")


def note(line: str) -> None:
    """Keep a line for whoever started this session."""
    with open(Path(__file__).with_name("notes"), "a") as file:
        print(line, file=file)


@front.get("/careless")
def careless() -> str | tuple[str, int]:
    try:
        answer = requests.get("http://back:5001/data", timeout=1)
    except requests.ConnectionError:
        return "default"
    return answer.text, answer.status_code


@front.get("/constant")
def constant() -> str:
    with suppress(requests.RequestException):
        requests.get("http://back:5001/data", timeout=1)
    return "always the same"


@front.get("/careful")
def careful() -> str:
    try:
        answer = requests.get("http://back:5001/data", timeout=1)
        answer.raise_for_status()
    except requests.RequestException:
        return "default"
    return answer.text


@back.get("/data")
def data() -> str:
    note("back was reached")
    return "data"
