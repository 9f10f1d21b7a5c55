"""The part of the protocol for drivers, which run the functional test."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from flask_filibuster.protocol.reading import OURS, integer, mapping, text_of, words_of
from flask_filibuster.protocol.records import write_planned
from flask_filibuster.server.conductor import Conductor, Verdict
from flask_filibuster.server.http.asked import Views, adopt, answered, body, exploration_named


class DriverViews:
    """The views for drivers."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor

    def views(self) -> Views:
        """The rules and their views."""
        return [
            ("/filibuster/has-next-iteration/<number>", "GET", self._has_next),
            ("/filibuster/has-next-iteration/<number>/<caller>", "GET", self._has_next),
            ("/filibuster/complete-iteration/<number>", "POST", self._complete),
            (
                "/filibuster/complete-iteration/<number>/exception/<raised>",
                "POST",
                self._complete,
            ),
            ("/filibuster/teardowns-completed/<number>", "GET", self._torn_down),
            ("/filibuster/iterations-remaining", "GET", self._remaining),
            ("/filibuster/analysis-file", "POST", self._analysis_file),
            ("/filibuster/terminate", "GET", self._terminate),
            ("/filibuster/explorations", "POST", self._begin),
            ("/filibuster/explorations/<exploration>", "GET", self._outcome),
            ("/filibuster/explorations/<exploration>", "DELETE", self._end),
            ("/filibuster/explorations/<exploration>/requests", "POST", self._adopt),
        ]

    def _has_next(self, number: str, caller: str = "") -> Response:  # noqa: ARG002 - a label
        faults = self._conductor.has_next(_iteration(number), exploration_named())
        answer: dict[str, Any] = {"has-next-iteration": faults is not None}
        if exploration_named() and faults is not None:
            answer[OURS] = {"faults": [write_planned(planned) for planned in faults]}
        return answered(answer)

    def _complete(self, number: str, raised: str = "0") -> Response:
        failed = integer(raised, "exception") != 0
        verdict = Verdict(failed=failed)
        # Another project's driver may send a body of any kind; ours names its exploration.
        if exploration_named() and request.get_data():
            verdict = _verdict(failed=failed)
        seen = self._conductor.complete(_iteration(number), exploration_named(), verdict)
        return answered({OURS: seen} if exploration_named() else {})

    def _torn_down(self, number: str) -> Response:  # noqa: ARG002 - by the protocol
        return answered({})

    def _remaining(self) -> Response:
        return answered({"iterations-remaining": self._conductor.remaining(exploration_named())})

    def _analysis_file(self) -> Response:
        self._conductor.use_analysis(body())
        return answered({})

    def _terminate(self) -> Response:
        self._conductor.terminate()
        return answered({})

    def _begin(self) -> Response:
        return answered({"exploration": self._conductor.begin(mapping(body(), "the body"))})

    def _outcome(self, exploration: str) -> Response:
        return answered(self._conductor.outcome(exploration))

    def _end(self, exploration: str) -> Response:
        self._conductor.end(exploration)
        return answered({})

    def _adopt(self, exploration: str) -> Response:
        about = text_of(mapping(body(), "the body").get("request_id"), "request_id", most=200)
        adopt(self._conductor, about, exploration)
        return answered({})


def _iteration(number: str) -> int:
    """The number of an execution, in a path."""
    return integer(number, "the number of the iteration")


def _verdict(*, failed: bool) -> Verdict:
    """The verdict of a driver of this project."""
    content = body()
    more = content.get(OURS) if isinstance(content, dict) else None
    if more is None:
        return Verdict(failed=failed)
    details = mapping(more, OURS)
    problem = details.get("problem")
    return Verdict(
        failed=failed,
        error=words_of(details.get("error", ""), "error"),
        signature=text_of(details.get("signature", ""), "signature"),
        problem=None if problem is None else words_of(problem, "problem"),
    )
