"""The kind "HTML page": a success that is a page for people, as proxies and portals send it."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.answer import Answer
from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.kinds.of_body import succeeds
from flask_filibuster.core.kinds.remaking import remade
from flask_filibuster.core.outcome import Outcome

PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Maintenance</title></head>"
    b"<body><h1>We will be back soon</h1></body></html>\n"
)


@dataclass(frozen=True, slots=True)
class HtmlPage(Kind):
    """The real status with an HTML page, and its content type."""

    name = "HTML page"
    rank = 32
    point = "received"
    outcome = Outcome(status=200, variant="HTML page")

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the answer is a success with a body."""
        return succeeds(call)

    def remake(self, answer: Answer) -> Answer:
        """The page."""
        return remade(answer, PAGE, content_type="text/html; charset=utf-8")

    def __str__(self) -> str:
        return "answers with an HTML page"
