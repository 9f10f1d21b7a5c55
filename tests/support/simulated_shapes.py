"""Larger applications for which counts are published, simulated: their explorations are long.

Their services react to each failure as the published ones do: which of them answers what to which
failure decides on the counts, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask_filibuster.faultmodel.model import FaultModel
from tests.support.applications import Application, never
from tests.support.simulation import Answer, FunctionalTest, Part, Reply, Service, SimulatedCall


@dataclass(frozen=True)
class Written:
    """A service that does what a function says."""

    program: Callable[[], Part]
    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        return (yield from self.program())


def leaf() -> Part:
    """Answers without a call."""
    yield from ()
    return Answer(200, "data")


def needed(to: str, *passed_on: int, otherwise: int = 500) -> Part:
    """Make a call that the answer needs.

    :returns: what to answer if it fails: 503 for an exception, a status that is passed on, or the
        other one.
    """
    reply = yield SimulatedCall(to)
    if reply.outcome.exception:
        return Answer(503)
    if reply.outcome.status in passed_on:
        return Answer(reply.outcome.status)
    return None if reply.outcome.status == 200 else Answer(otherwise)


def optional(to: str, method: str = "GET") -> Part:
    """Make a call that may fail: the answer is whether it did not."""
    reply: Reply = yield SimulatedCall(to, method)
    return not reply.outcome.failed


def all_of(*parts: Callable[[], Part]) -> Part:
    """One after the other, up to the first that fails."""
    for part in parts:
        failure = yield from part()
        if failure is not None:
            return failure
    return Answer(200, "book")


def _player() -> Part:
    return all_of(
        lambda: needed("engine", 404, otherwise=503),
        lambda: needed("content", 404, 403, 503, otherwise=503),
    )


def _content() -> Part:
    return all_of(
        lambda: needed("download", 404, 403, 503),
        lambda: needed("metadata", 404, 403),
        lambda: needed("audio", 404, 403),
    )


def _download() -> Part:
    for part in needed("ownership", 404, 403), needed("activation", 404):
        failure = yield from part
        if failure is not None:
            return failure
    yield from optional("statistics", "POST")
    return Answer(200, "licence")


def _client() -> Part:
    reply = yield SimulatedCall("gateway")
    if reply.outcome.failed:
        return Answer(404 if reply.outcome.status == 404 else 503)
    return Answer(200, reply.meaning)


def _gateway() -> Part:
    shown = []
    failure = yield from needed("profile", 404)
    if failure is None and not (yield from optional("bookmarks")):
        yield from optional("telemetry", "POST")
        failure = yield from needed("trending")
        shown.append("trending")
    if failure is None:
        failure = yield from needed("list", 404)
    if failure is None and not (yield from optional("recommended")):
        if (yield from optional("popular")):
            shown.append("popular")
        elif "trending" not in shown:
            failure = yield from needed("trending")
            shown.append("trending")
    if failure is None:
        failure = yield from needed("ratings", 404)
    return failure or Answer(200, ",".join(shown))


def _application(first: str, written: dict[str, Callable[[], Part]], *leaves: str) -> Application:
    services: dict[str, Service] = {name: Written(each) for name, each in written.items()}
    services |= {name: Written(leaf) for name in leaves}
    return services, FunctionalTest((first,), never)


def _model(**statuses: tuple[int, ...]) -> FaultModel:
    return FaultModel(statuses=statuses, default_statuses=())


SHAPES: dict[str, tuple[Application, FaultModel]] = {
    "audiobook": (
        _application(
            "player",
            {"player": _player, "content": _content, "download": _download},
            *("engine", "ownership", "activation", "statistics", "metadata", "audio"),
        ),
        _model(
            engine=(404, 500),
            content=(404, 403, 503, 500),
            download=(404, 403, 503, 500),
            ownership=(404, 403, 500),
            activation=(404, 500),
            statistics=(500,),
            metadata=(404, 403, 500),
            audio=(404, 403, 500),
        ),
    ),
    "homepage": (
        _application(
            "client",
            {"client": _client, "gateway": _gateway},
            *("profile", "bookmarks", "telemetry", "trending", "list", "recommended", "popular"),
            "ratings",
        ),
        _model(
            gateway=(404, 503, 500),
            profile=(404, 500),
            bookmarks=(404, 500),
            telemetry=(500,),
            trending=(500,),
            list=(404, 500),
            recommended=(404, 500),
            popular=(500,),
            ratings=(404, 500),
        ),
    ),
}
"""Each with the fault model that its count is about."""
