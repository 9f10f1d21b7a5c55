"""Well-written systems of everyday shapes: nothing is to be found in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from flask import Response, abort, jsonify, request
from flask.typing import ResponseReturnValue

from flask_filibuster import was_fault_injected
from tests.support.seeded.seed import System, ask, system, visit

STARS = {"stars": 4}


def stars_of(found: Any) -> int | None:
    """The stars in an answer that may have any form."""
    stars = found.get("stars") if isinstance(found, dict) else None
    return stars if type(stars) is int and 0 <= stars <= 5 else None


def cache_of_the_last_answer() -> System:
    """What was known is shown while the service is down."""
    cache: dict[str, int] = {}

    def page() -> ResponseReturnValue:
        stars = stars_of(ask("http://reviews/7"))
        if stars is not None:
            cache["7"] = stars
        return jsonify(stars=cache.get("7"))

    def test() -> None:
        cache.clear()
        for _ in range(2):
            visit()

    return system(page, test=test, reviews=STARS)


def default_in_place_of_an_answer() -> System:
    """A fallback service, and a constant after it."""

    def page() -> ResponseReturnValue:
        for name in ("near", "far"):
            stars = stars_of(ask(f"http://{name}/"))
            if stars is not None:
                return jsonify(stars=stars)
        return jsonify(stars=0)

    return system(page, near=STARS, far=STARS)


def pages_up_to_a_limit() -> System:
    """What follows a page is asked for once each, and no more than five times."""

    def items(path: str) -> ResponseReturnValue:
        number = int(request.args.get("page", "1"))
        return jsonify(items=[number], next=number + 1 if number < 3 else None)

    def page() -> ResponseReturnValue:
        found: list[Any] = []
        number: Any = 1
        for _ in range(5):
            answer = ask(f"http://items/?page={number}")
            part = answer.get("items") if isinstance(answer, dict) else None
            if not isinstance(part, list):
                return jsonify(items=found, complete=False)
            found += part
            following = answer.get("next")
            if type(following) is not int or following <= number:
                return jsonify(items=found, complete=following is None)
            number = following
        return jsonify(items=found, complete=False)

    return system(page, items=items)


def fan_out_in_threads() -> System:
    """One call a thread; those that fail are counted."""

    def page() -> ResponseReturnValue:
        names = ("north", "south", "west")
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(lambda name: stars_of(ask(f"http://{name}/")), names))
        known = [each for each in found if each is not None]
        return jsonify(best=max(known, default=None), unknown=len(found) - len(known))

    return system(page, north=STARS, south=STARS, west=STARS)


def proxy_of_a_file() -> System:
    """A body that is handed on in pieces; a client sees that it is incomplete."""
    content = b"x" * 9000

    def page() -> ResponseReturnValue:
        try:
            answer = requests.get("http://files/7", timeout=2, stream=True)
            if answer.status_code != 200:
                abort(503)
            whole = b"".join(answer.iter_content(4096))
        except requests.RequestException:
            abort(503)
        if len(whole) != len(content):
            abort(503)
        return Response(whole, mimetype="application/octet-stream")

    def files(path: str) -> ResponseReturnValue:
        return content, 200, {"Content-Type": "application/octet-stream"}

    return system(page, files=files)


def write_that_can_be_repeated() -> System:
    """A PUT with the whole state, tried twice, and not sent elsewhere."""
    stored: list[Any] = []

    def store(path: str) -> ResponseReturnValue:
        if request.method == "PUT":
            stored[:] = [request.get_json()]
        return jsonify(stored=bool(stored))

    def page() -> ResponseReturnValue:
        for _ in range(2):
            if ask("http://store/7", "PUT", json=STARS, allow_redirects=False) is not None:
                return "stored"
            time.sleep(2)
        return "we shall see", 202

    def test() -> None:
        stored.clear()
        if visit(method="POST", fine=(202, 503)).status_code == 200:
            assert stored == [{"stars": 4}]

    return system(page, test=test, method="POST", store=store)


def waiting_as_long_as_told() -> System:
    """``Retry-After`` is obeyed, within what a user waits."""

    def wait_of(answer: requests.Response) -> float:
        told = answer.headers.get("Retry-After", "")
        return min(float(told), 5.0) if told.isdigit() else 1.0

    def page() -> ResponseReturnValue:
        for attempt in range(3):
            try:
                answer = requests.get("http://reviews/7", timeout=2)
                if answer.status_code == 200:
                    return jsonify(stars=stars_of(answer.json()))
                if answer.status_code not in (429, 503):
                    break
                wait = wait_of(answer)
            except requests.RequestException:
                wait = 1.0
            if attempt < 2:
                time.sleep(wait)
        abort(503)

    return system(page, reviews=STARS)


def polling_with_an_end() -> System:
    """A job is asked for until it is done, or for ten seconds."""
    asked = [0]

    def jobs(path: str) -> ResponseReturnValue:
        asked[0] += 1
        return jsonify(state="done" if asked[0] > 1 else "running")

    def page() -> ResponseReturnValue:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            found = ask("http://jobs/7")
            if isinstance(found, dict) and found.get("state") == "done":
                return "done"
            time.sleep(6)
        return "still running", 202

    def test() -> None:
        asked[0] = 0
        visit(fine=(202,))

    return system(page, test=test, jobs=jobs)


def hook_that_is_sent_later() -> System:
    """What a listener did not get is kept, and sent with the next one; twice is fine."""
    kept: list[str] = []
    heard: set[str] = set()

    def listener(path: str) -> ResponseReturnValue:
        heard.update(request.get_json())
        return jsonify(heard=len(heard))

    def page() -> ResponseReturnValue:
        kept.append(f"order {len(kept) + len(heard)}")
        if ask("http://listener/", "POST", json=kept) is not None:
            kept.clear()
        return "ordered"

    def test() -> None:
        kept.clear()
        heard.clear()
        for _ in range(2):
            visit(method="POST")
        assert kept or heard, "an order is lost"
        assert was_fault_injected() or not kept

    return system(page, test=test, method="POST", listener=listener)


def lines_of_a_stream() -> System:
    """A stream of lines, of which those that arrive are counted."""

    def lines() -> Iterator[bytes]:
        with requests.get("http://log/", timeout=2, stream=True) as answer:
            if answer.status_code == 200:
                yield from answer.iter_lines()

    def page() -> ResponseReturnValue:
        count = 0
        try:
            for _ in lines():
                count += 1
        except requests.RequestException:
            return jsonify(lines=count, complete=False)
        return jsonify(lines=count, complete=True)

    def log(path: str) -> ResponseReturnValue:
        return "one\ntwo\nthree\n", 200, {"Content-Type": "text/plain"}

    return system(page, log=log)


EVERYDAY: dict[str, Callable[[], System]] = {
    each.__name__.replace("_", " "): each
    for each in (
        cache_of_the_last_answer,
        default_in_place_of_an_answer,
        pages_up_to_a_limit,
        fan_out_in_threads,
        proxy_of_a_file,
        write_that_can_be_repeated,
        waiting_as_long_as_told,
        polling_with_an_end,
        hook_that_is_sent_later,
        lines_of_a_stream,
    )
}
