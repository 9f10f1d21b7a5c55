"""What an exploration says of itself."""

from __future__ import annotations

import itertools

import requests
from flask import Flask

from flask_filibuster import FaultModel, explore, was_fault_injected_on

FRONT = "http://front:5000"


def ask_front() -> None:
    requests.get(f"{FRONT}/", timeout=1)


def services(*, fickle: bool) -> dict[str, Flask]:
    """Front calls middle, middle calls back, and front reacts to middle's failures in turns."""
    front, middle, back = Flask("front"), Flask("middle"), Flask("back")
    turns = itertools.cycle([200, 503])

    @front.get("/")
    def index() -> tuple[str, int]:
        answer = requests.get("http://middle:5001/", timeout=1)
        return "front", next(turns) if fickle and answer.status_code == 503 else 200

    @middle.get("/")
    def middle_index() -> tuple[str, int]:
        try:
            requests.get("http://back:5002/", timeout=1)
        except requests.RequestException:
            return "no back", 503
        return "middle", 200

    @back.get("/")
    def back_index() -> str:
        return "back"

    return {FRONT: front, "http://middle:5001": middle, "http://back:5002": back}


ONLY_BACK = FaultModel(
    exceptions=("ConnectionError", "Timeout"), statuses={"middle": (503,)}, default_statuses=()
)


def test_nondeterministic_handler_is_named() -> None:
    result = explore(ask_front, services(fickle=True), ONLY_BACK, reduction="none")
    (note,) = result.notes
    assert note.startswith(
        "not deterministic: after the same outcomes, front, GET / behaved differently"
    )
    assert "an answer, 200; an answer, 503" in note


def test_deterministic_handlers_are_not_noted() -> None:
    assert explore(ask_front, services(fickle=False), ONLY_BACK, reduction="none").notes == ()


def test_missing_calls_are_noted() -> None:
    lonely = Flask("lonely")
    lonely.get("/")(lambda: "alone")
    result = explore(ask_front, {FRONT: lonely})
    assert result.exit_code == 2
    assert [note.partition(",")[0] for note in result.notes] == ["no call was seen"]
    assert "the test made 1 request (GET http://front:5000/ ended with 200)" in result.notes[0]


def test_misspelt_service_gets_a_suggestion() -> None:
    model = FaultModel(statuses={"midle": (503,), "back|b2": (500,)}, default_statuses=())
    (note,) = explore(ask_front, services(fickle=False), model).notes
    assert note == (
        "the fault model names 'midle', but no such service was reached; "
        "did you mean 'middle'? reached: back, front, middle"
    )


def test_idle_services_are_not_noted() -> None:
    apps = {**services(fickle=False), "http://idle:5003": Flask("idle")}
    assert explore(ask_front, apps, FaultModel.quick(apps)).notes == ()


def test_question_about_unreached_service() -> None:
    def test() -> None:
        ask_front()
        was_fault_injected_on("middel")

    (note,) = explore(test, services(fickle=False)).notes
    assert note == (
        "was_fault_injected_on('middel') names a service that no call reached; "
        "reached: back, front, middle"
    )
