"""Bugs of loops: retries, polling and pages without end."""

from __future__ import annotations

import time

import requests
from flask import Flask, abort, jsonify, request
from flask.typing import ResponseReturnValue

from tests.support.seeded.seed import System, seed, system, visit

PRICE = {"price": 3}
MOST = 3


@seed("ConnectionError")
def retry_without_end(careful: bool) -> System:
    def page() -> ResponseReturnValue:
        tries = 0
        while not careful or tries < MOST:
            tries += 1
            try:
                answer = requests.get("http://stock/7", timeout=2)  # BUG
                if answer.status_code == 200:
                    return jsonify(answer.json())
            except requests.RequestException:
                pass
        abort(503)

    return system(page, stock=PRICE)


@seed(500)
def polling_without_end(careful: bool) -> System:
    """A job whose state cannot be had is taken for one under way."""

    def page() -> ResponseReturnValue:
        tries = 0
        while not careful or tries < MOST:
            tries += 1
            try:
                answer = requests.get("http://jobs/7", timeout=2)  # BUG
                if answer.status_code == 200 and answer.json().get("done"):
                    return "done"
            except (requests.RequestException, AttributeError):
                if not careful:
                    abort(503)
            time.sleep(1)
        abort(503)

    return system(page, jobs={"done": True})


@seed("ConnectionError")
def page_that_failed_is_asked_for_again(careful: bool) -> System:
    """A list of pages, in which the next one is only known from the last."""

    def shelf(path: str) -> ResponseReturnValue:
        number = int(request.args.get("page", "1"))
        return jsonify(items=[number], next=number + 1 if number < 3 else None)

    def page() -> ResponseReturnValue:
        items: list[int] = []
        number, failed = 1, 0
        while number is not None and (not careful or failed < MOST) and number < 50:
            try:
                answer = requests.get(f"http://shelf/?page={number}", timeout=2)  # BUG
                if answer.status_code != 200:
                    abort(503)
                found = answer.json()
                items += found["items"]
                number = found["next"]
                if careful and not isinstance(number, int | None):
                    abort(503)
            except requests.RequestException:
                failed += 1
            except (LookupError, TypeError, ValueError):
                abort(503)
        return jsonify(len(items))

    return system(page, shelf=shelf)


@seed("ConnectionError")
def services_retry_each_other_without_end(careful: bool) -> System:
    """The fallback of each of two services is the other one."""
    left, right = Flask("left"), Flask("right")

    def asked(own: str, other: str) -> ResponseReturnValue:
        depth = int(request.args.get("depth", "0"))
        try:
            answer = requests.get(f"http://{own}/7", timeout=2)  # BUG
            if answer.status_code == 200:
                return jsonify(answer.json())
        except requests.RequestException:
            pass
        if careful and depth >= 1:
            abort(503)
        try:
            answer = requests.get(f"http://{other}/?depth={depth + 1}", timeout=20)
            return jsonify(answer.json()) if answer.status_code == 200 else ("", 503)
        except requests.RequestException:
            abort(503)

    left.add_url_rule("/", "left", lambda: asked("stock", "right"))
    right.add_url_rule("/", "right", lambda: asked("stock", "left"))

    def page() -> ResponseReturnValue:
        try:
            answer = requests.get("http://left/", timeout=60)
            return jsonify(answer.json()) if answer.status_code == 200 else ("", 503)
        except requests.RequestException:
            abort(503)

    made = system(page, stock=PRICE)
    return System({**made.services, "http://left": left, "http://right": right}, made.test)


@seed("ConnectionError")
def count_of_attempts_is_off_by_one(careful: bool) -> System:
    """The list of delays is as long as the attempts, and not one shorter."""
    delays = [0.1, 0.2]

    def page() -> ResponseReturnValue:
        for attempt in range(len(delays) + 1):
            try:
                answer = requests.get("http://stock/7", timeout=2)  # BUG
                if answer.status_code == 200:
                    return jsonify(answer.json())
                break
            except requests.RequestException:
                if careful and attempt == len(delays):
                    break
                time.sleep(delays[attempt])
        abort(503)

    return system(page, stock=PRICE)


@seed("Timeout", "ConnectionError")
def second_attempt_forgets_the_timeout(careful: bool) -> System:
    """A slow service is asked again, without a limit."""

    def page() -> ResponseReturnValue:
        timeouts = [2, 4 if careful else None]
        for timeout in timeouts:
            try:
                answer = requests.get("http://stock/7", timeout=timeout)  # BUG
                if answer.status_code == 200:
                    return jsonify(answer.json())
                break
            except requests.RequestException as error:
                if timeout is None:
                    return jsonify(error.response.text)  # type: ignore[union-attr]
        abort(503)

    return system(page, stock=PRICE)


@seed("ConnectionError", 429)
def attempt_acts_on_the_one_before(careful: bool) -> System:
    """Refused after "later": the handler looks for an answer that is not there."""

    def page() -> ResponseReturnValue:
        busy = False
        for _ in range(2):
            try:
                answer = requests.get("http://stock/7", timeout=2)  # BUG
            except requests.RequestException as error:
                if busy and not careful:
                    return jsonify(status=error.response.status_code)  # type: ignore[union-attr]
                continue
            if answer.status_code == 200:
                try:
                    return jsonify(answer.json())
                except ValueError:
                    break
            busy = answer.status_code == 429
        abort(503)

    def test() -> None:
        visit()

    return system(page, test=test, stock=PRICE)
