"""Kinds of fault that act on a real answer's body, or give a whole answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask_filibuster.core.kinds.answer import Answer, Asked
from flask_filibuster.core.kinds.base import Kind
from flask_filibuster.core.kinds.bodies import BrokenBody, Pieces
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.sleeping import Timeouts


@dataclass(frozen=True, slots=True)
class Cut(Kind):
    """The body breaks off after some bytes."""

    name, rank, point = "cut in a test", 90, "body"
    outcome = Outcome(exception="ChunkedEncodingError")
    after: int = 4
    missing: int | None = 6

    def alter(self, pieces: Pieces, timeout: Timeouts) -> Iterator[bytes]:
        yield next(pieces)[: self.after]
        raise BrokenBody(self.after, self.missing)

    def __str__(self) -> str:
        return "breaks off"


@dataclass(frozen=True, slots=True)
class Whole(Cut):
    name = "whole in a test"
    outcome = Outcome(status=201)

    def alter(self, pieces: Pieces, timeout: Timeouts) -> Iterator[bytes]:
        return pieces


@dataclass(frozen=True, slots=True)
class Teapot(Kind):
    """A whole answer, which depends on the request."""

    name, rank, point = "teapot in a test", 90, "answer"
    outcome = Outcome(status=418)

    def reply(self, asked: Asked) -> Answer:
        headers = (("Content-Type", "text/html"), ("X-Asked", f"{asked.method} {asked.url}"))
        return Answer(418, "Short and stout", headers, b"<p>tea</p>")

    def __str__(self) -> str:
        return "answers that it is a teapot"
