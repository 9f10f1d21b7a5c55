"""Which keys of an answer count as read, and that nothing of the answer differs meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, Response, jsonify, render_template_string

from flask_filibuster import Fault, FaultModel, explore
from flask_filibuster.core.call import Call
from flask_filibuster.core.documents.shape import MOST_PARTS, MOST_UNNAMED, Shape, shape_of
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.messages import InvocationCompleted
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Trace
from flask_filibuster.core.vclock import VectorClock
from flask_filibuster.errors import FaultModelError, WireError
from flask_filibuster.instrumentation.keys.words import words_of_file, words_of_templates
from flask_filibuster.protocol.payloads import read_update, write_completed
from flask_filibuster.protocol.records import read_trace, write_trace
from flask_filibuster.protocol.shapes import read_shape, write_shape

KEY_MISSING = FaultModel((), default_statuses=(), faults=[Fault.of("key missing")])

# This file may name no key that nobody reads.
UNREAD = "abc" + "qqq"


def missing(view: Any, document: Any) -> list[str]:
    """The keys that an exploration leaves out of an answer."""
    front, stock = Flask("front"), Flask("stock")
    front.add_url_rule("/", "view", view)
    stock.add_url_rule("/", "view", lambda: jsonify(document))

    def test() -> None:
        requests.get("http://front/", timeout=3)

    services = {"http://front": front, "http://stock": stock}
    result = explore(test, services, KEY_MISSING, check_determinism=False)
    faults = [planned.fault for each in result.executions for planned in each.faults]
    return [str(fault.kind.parameters["at"]) for fault in faults]


def answer() -> Any:
    return requests.get("http://stock/", timeout=1).json()


class Basket:
    weight_in_kg: int


class TestOnlyKeysThatAreNamed:
    def test_a_subscript(self) -> None:
        def view() -> str:
            return str(answer()["quince"])

        assert missing(view, {"quince": 1, UNREAD: 2}) == ["/quince"]

    def test_a_field_in_another_style(self) -> None:
        assert missing(lambda: str(answer()), {"weightInKg": 1, UNREAD: 2}) == ["/weightInKg"]

    def test_the_first_item_stands_for_all(self) -> None:
        def view() -> str:
            return str([each.get("quince") for each in answer()["basket"]])

        document = {"basket": [{"quince": 1, UNREAD: 1}, {"quince": 2}]}
        assert missing(view, document) == ["/basket", "/basket/*/quince"]

    def test_any_key_of_what_is_iterated(self) -> None:
        def view() -> str:
            return str([key for key, _ in answer().items()])

        other = UNREAD[::-1]
        assert missing(view, {UNREAD: 1, other: 2}) == [f"/{UNREAD}", f"/{other}"]

    def test_keys_that_the_callee_writes_are_none(self) -> None:
        stock = Flask("stock")

        @stock.get("/")
        def written_here() -> Response:
            return jsonify(damson=1, quince=2)

        front = Flask("front")
        front.add_url_rule("/", "view", lambda: str(answer()["quince"]))
        services = {"http://front": front, "http://stock": stock}
        result = explore(lambda: requests.get("http://front/", timeout=3), services, KEY_MISSING)
        planned = str([each.faults for each in result.executions])
        assert "/quince" in planned
        assert "/dam" not in planned

    def test_a_key_with_a_slash(self) -> None:
        def view() -> str:
            return str(answer()["a/b~c"])

        assert missing(view, {"a/b~c": 1, UNREAD: 2}) == ["/a~1b~0c"]

    def test_an_unread_key_can_be_asked_for(self) -> None:
        shape = shape_of({"quince": 1, UNREAD: 2}, {"quince"}.__contains__)
        assert shape.has(f"/{UNREAD}")
        assert not shape.has("/other")


class TestWords:
    def test_a_template_names_keys(self, tmp_path: Path) -> None:
        (tmp_path / "page.html").write_text("quince {{ order.medlar }} {% if row['s0rb'] %}")
        assert words_of_templates(str(tmp_path)) == {"order", "medlar", "if", "row", "s0rb"}

    def test_a_left_out_function_names_none(self, tmp_path: Path) -> None:
        source = (
            "@app.get('/')\n@cached\ndef view(\n    one,\n) -> str:\n    return 'two'\n\n"
            "    'three'\nfour = 4\napp.get('/x')(lambda: {'five': 5})\nsix = 6\n"
        )
        file = tmp_path / "app.py"
        file.write_text(source)
        assert words_of_file(str(file), (1, 10)) == {"four", "six"}

    def test_a_file_that_is_gone(self, tmp_path: Path) -> None:
        assert words_of_file(str(tmp_path / "gone.py")) == frozenset()


class TestLimits:
    def test_shapes_are_bounded(self) -> None:
        wide = shape_of({f"k{number}": {"deep": number} for number in range(100)})
        assert len(wide.parts) == 1 + 2 * MOST_UNNAMED
        assert wide.more == 100 - MOST_UNNAMED
        named = shape_of({f"k{number}": number for number in range(100)}, lambda _: True)
        assert len(named.parts) == MOST_PARTS
        assert named.more == 101 - MOST_PARTS

    def test_parts_beyond_the_limit_are_named(self) -> None:
        front, stock = Flask("front"), Flask("stock")
        front.add_url_rule("/", "view", lambda: str(answer()))
        document = {f"{UNREAD}{number}": number for number in range(MOST_UNNAMED + 2)}
        stock.add_url_rule("/", "view", lambda: jsonify(document))
        services = {"http://front": front, "http://stock": stock}
        result = explore(lambda: requests.get("http://front/", timeout=3), services, KEY_MISSING)
        (note,) = [each for each in result.findings if each.kind == "parts not altered"]
        assert (note.severity, note.broken) == ("note", False)
        assert "GET http://stock/ with 2 more parts than are altered" in note.message
        assert len(result.executions) == 1 + MOST_UNNAMED

    def test_shapes_travel(self) -> None:
        shape = shape_of({"a": [1, 2], "b": None}, {"a"}.__contains__)
        assert read_shape(json.loads(json.dumps(write_shape(shape)))) == shape
        assert read_shape({"parts": []}) == Shape(())
        message = InvocationCompleted(
            "id", ROOT.child("x", 1), 7, VectorClock(), Outcome(200, shape=shape)
        )
        again = read_update(json.loads(json.dumps(write_completed(message, ours=True))))
        assert isinstance(again, InvocationCompleted)
        assert again.outcome.shape == shape
        assert "shape" not in str(write_completed(message, ours=False))

    def test_shapes_are_kept_in_records(self) -> None:
        shape = shape_of([{"a": 1}, {"a": 2}])
        call = Call(ROOT.child("x", 1), "front", "stock", "GET", "http://stock/")
        trace = Trace.of([call.ended("stock", Outcome(200, shape=shape))], ())
        again = read_trace(json.loads(json.dumps(write_trace(trace))))
        (outcome,) = [each.outcome for each in again.invocations]
        assert outcome is not None
        assert outcome.shape == shape

    @pytest.mark.parametrize(
        "value",
        [
            7,
            {"parts": [["", "list", ""]]},
            {"parts": [["x" * 201, "list"]]},
            {"parts": [["", "list"]] * 33},
            {"parts": [], "unread": "x"},
            {"parts": [], "more": "many"},
        ],
    )
    def test_odd_shapes_are_refused(self, value: Any) -> None:
        with pytest.raises(WireError):
            read_shape(value)

    @pytest.mark.parametrize("at", ["price", 7, "/" + "x" * 200])
    def test_odd_pointers_are_refused(self, at: Any) -> None:
        with pytest.raises(FaultModelError, match="not a JSON Pointer"):
            Fault.of("value null", at=at)


def test_answers_are_what_the_library_parsed() -> None:
    seen: list[Any] = []

    def view() -> str:
        response = requests.get("http://stock/", timeout=1)
        document = response.json()
        seen.append((type(document), type(document["basket"]), type(next(iter(document)))))
        seen.append((response.content, response.raw.closed, response.raw.read()))
        return render_template_string("{{ document.basket }}", document=document)

    missing(view, {"basket": [1, 2], "quince": 3})
    described = list(seen)
    seen.clear()
    front, stock = Flask("front"), Flask("stock")
    front.add_url_rule("/", "view", view)
    stock.add_url_rule("/", "view", lambda: jsonify({"basket": [1, 2], "quince": 3}))
    services = {"http://front": front, "http://stock": stock}
    none = FaultModel((), default_statuses=())
    explore(lambda: requests.get("http://front/", timeout=3), services, none)
    assert described[:2] == seen[:2]
    assert described[0] == (dict, list, str)
