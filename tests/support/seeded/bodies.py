"""Bugs that show while the body of a real answer is read."""

from __future__ import annotations

import io

import requests
from flask import abort, jsonify
from flask.typing import ResponseReturnValue

from flask_filibuster import Fault
from tests.support.seeded.seed import System, seed, system, visit

ITEM = {"price": 3}
URL = "http://stock/7"
NETWORK = (requests.ConnectionError, requests.Timeout)


@seed("body cut short")
def cut_body_is_no_connection_error(careful: bool) -> System:
    """``ChunkedEncodingError`` is neither a ``ConnectionError`` nor a ``Timeout``."""

    def page() -> ResponseReturnValue:
        try:
            answer = requests.get(URL, timeout=2)  # BUG
        except requests.RequestException if careful else NETWORK:
            abort(503)
        try:
            return jsonify(answer.json())
        except ValueError:
            abort(503)

    return system(page, stock=ITEM)


@seed("body cut short")
def half_a_file_is_stored(careful: bool) -> System:
    """A streamed body that breaks off after the file was opened."""
    files: dict[str, bytes] = {}
    picture = b"\x89PNG" + b"p" * 20_000

    def page() -> ResponseReturnValue:
        file = io.BytesIO()
        try:
            with requests.get("http://pictures/7", timeout=2, stream=True) as answer:  # BUG
                if answer.status_code != 200 or answer.headers["Content-Type"] != "image/png":
                    abort(503)
                for piece in answer.iter_content(4096):
                    file.write(piece)
                    if not careful:
                        files["7"] = file.getvalue()
        except requests.RequestException:
            abort(503)
        content = file.getvalue()
        declared = int(answer.headers.get("Content-Length", -1))
        if careful and not (content.startswith(b"\x89PNG") and len(content) == declared):
            abort(503)
        files["7"] = file.getvalue()
        return "stored"

    def test() -> None:
        files.clear()
        visit()
        assert files.get("7", picture) == picture, "half a picture is stored"

    def pictures(path: str) -> ResponseReturnValue:
        return picture, 200, {"Content-Type": "image/png"}

    return system(page, test=test, pictures=pictures)


@seed("not JSON")
def malformed_json_is_not_caught(careful: bool) -> System:
    def page() -> ResponseReturnValue:
        try:
            answer = requests.get(URL, timeout=2)  # BUG
            answer.raise_for_status()
        except requests.RequestException:
            abort(503)
        try:
            return jsonify(answer.json())
        except ValueError:
            if careful:
                abort(503)
            raise

    return system(page, stock=ITEM)


@seed("HTML page", rare=True)
def maintenance_page_is_a_review(careful: bool) -> System:
    """200, with a page for people instead of the text."""

    def page() -> ResponseReturnValue:
        try:
            answer = requests.get("http://reviews/7", timeout=2)  # BUG
            if answer.status_code != 200:
                return "no reviews"
        except requests.RequestException:
            return "no reviews"
        if careful and "html" in answer.headers["Content-Type"]:
            return "no reviews"
        return answer.text

    def test() -> None:
        assert "<html" not in visit().text.lower(), "a page of another service in the page"

    def reviews(path: str) -> ResponseReturnValue:
        return "good", 200, {"Content-Type": "text/plain"}

    return system(page, test=test, reviews=reviews)


@seed(Fault.of("other success", status=204), rare=True)
def nothing_is_read_as_json(careful: bool) -> System:
    """204 is a success without a body."""

    def page() -> ResponseReturnValue:
        answer = None
        try:
            answer = requests.get(URL, timeout=2)  # BUG
            if not answer.ok or (careful and answer.status_code == 204):
                abort(503)
            return jsonify(answer.json())
        except requests.RequestException:
            if answer is not None and answer.status_code == 204:
                raise
            abort(503)

    return system(page, stock=ITEM)


@seed(Fault.of("other success", status=202), rare=True)
def accepted_is_not_done(careful: bool) -> System:
    """202: the callee will do it, perhaps."""

    def page() -> ResponseReturnValue:
        try:
            answer = requests.put("http://stock/7", timeout=2)  # BUG
        except requests.RequestException:
            abort(503)
        if not answer.ok:
            abort(503)
        done = answer.status_code == 200 or not careful
        return jsonify(done=done, accepted=answer.status_code == 202)

    def test() -> None:
        told = visit(method="POST")
        if told.status_code == 200:
            assert not (told.json()["done"] and told.json()["accepted"]), "told as done"

    return system(page, test=test, method="POST", stock={})


@seed("not decodable", rare=True)
def broken_compression_is_not_caught(careful: bool) -> System:
    """``ContentDecodingError`` is a ``RequestException`` only."""

    def page() -> ResponseReturnValue:
        known = (*NETWORK, requests.exceptions.ChunkedEncodingError)
        try:
            answer = requests.get(URL, timeout=2)  # BUG
        except requests.RequestException if careful else known:
            abort(503)
        try:
            return jsonify(answer.json())
        except ValueError:
            abort(503)

    return system(page, stock=ITEM)


@seed("empty body", rare=True)
def empty_answer_is_a_full_list(careful: bool) -> System:
    """An export that came to nothing replaces the one of yesterday."""
    kept = [b"a\nb\n"]

    def page() -> ResponseReturnValue:
        try:
            answer = requests.get("http://export/all", timeout=2)  # BUG
            if answer.status_code != 200 or "csv" not in answer.headers["Content-Type"]:
                abort(503)
        except requests.RequestException:
            abort(503)
        if answer.content or not careful:
            kept[0] = answer.content
        return "stored"

    def test() -> None:
        kept[0] = b"a\nb\n"
        visit()
        assert kept[0], "the export is gone"

    def export(path: str) -> ResponseReturnValue:
        return "a\nb\nc\n", 200, {"Content-Type": "text/csv"}

    return system(page, test=test, export=export)
