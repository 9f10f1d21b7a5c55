"""Bodies go through the mesh as they are written, in both directions."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import requests
from flask import Response, request, stream_with_context
from flask.typing import ResponseReturnValue

from tests.support.callers import CHAINED, end_of, ended, service, serving
from tests.support.fetching import fetch, within


class TestStreaming:
    def test_answers_come_in_pieces(self) -> None:
        """The first can be read before the second is made."""
        events: list[str] = []

        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                for n in range(3):
                    events.append(f"made {n}")
                    yield f"piece {n}"

            return Response(body())

        def read() -> None:
            with requests.get("http://svc:8000/view", stream=True, timeout=1) as response:
                events.append("headers")
                events.extend(f"read {piece.decode()}" for piece in response.iter_content(None))

        within({"http://svc:8000": service(view=view)}, read)
        # Flask's test for an empty answer looks at the first piece, as every WSGI server does.
        assert events == [
            "made 0",
            "headers",
            "read piece 0",
            "made 1",
            "read piece 1",
            "made 2",
            "read piece 2",
        ]

    def test_lines_are_read_as_they_come(self) -> None:
        made: list[int] = []

        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                for n in range(100):
                    made.append(n)
                    yield f"data: {n}\n\n"

            return Response(body(), mimetype="text/event-stream")

        def read() -> None:
            with requests.get("http://svc:8000/view", stream=True, timeout=1) as response:
                lines = response.iter_lines(chunk_size=1000)
                assert [next(lines), next(lines), next(lines)] == [b"data: 0", b"", b"data: 1"]

        within({"http://svc:8000": service(view=view)}, read)
        assert len(made) < 10

    def test_requests_go_in_pieces(self) -> None:
        """The first can be read before the second is made."""
        events: list[str] = []

        def take() -> ResponseReturnValue:
            while piece := request.stream.read(7):
                events.append(f"read {piece.decode()}")
            return "taken"

        def pieces() -> Iterator[bytes]:
            for n in range(3):
                events.append(f"made {n}")
                yield f"piece {n}".encode()

        response = fetch(service(take=take), "/take", "POST", data=pieces())
        assert response.text == "taken"
        assert response.request.headers["Transfer-Encoding"] == "chunked"
        assert events == [
            "made 0",
            "read piece 0",
            "made 1",
            "read piece 1",
            "made 2",
            "read piece 2",
        ]

    def test_both_ways_at_once(self) -> None:
        def upper() -> ResponseReturnValue:
            stream = request.stream

            def body() -> Iterator[bytes]:
                while piece := stream.read(4):
                    events.append(f"upper {piece.decode()}")
                    yield piece.upper()

            return Response(stream_with_context(body()))

        def pieces() -> Iterator[bytes]:
            for piece in (b"abcd", b"efgh"):
                events.append(f"sent {piece.decode()}")
                yield piece

        def converse() -> None:
            with requests.post(
                "http://svc:8000/upper", data=pieces(), stream=True, timeout=1
            ) as response:
                events.extend(f"got {piece.decode()}" for piece in response.iter_content(None))

        events: list[str] = []
        within({"http://svc:8000": service(upper=upper)}, converse)
        # requests sends all before it reads anything.
        assert events.index("sent efgh") < events.index("got ABCD") < events.index("upper efgh")
        assert [each for each in events if each.startswith("got")] == ["got ABCD", "got EFGH"]

    def test_closing_early_closes_the_body(self) -> None:
        events: list[str] = []

        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                try:
                    while True:
                        yield "on and on"
                finally:
                    events.append("generator closed")

            response = Response(body())
            response.call_on_close(lambda: events.append("response closed"))
            return response

        def read() -> None:
            with requests.get("http://svc:8000/view", stream=True, timeout=1) as response:
                assert next(response.iter_content(9)) == b"on and on"
                assert events == []

        within({"http://svc:8000": service(view=view)}, read)
        assert events == ["generator closed", "response closed"]

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
    def test_body_is_closed_once(self, method: str, *, stream: bool) -> None:
        closed: list[int] = []

        class Body:
            def __iter__(self) -> Iterator[bytes]:
                return iter([b"a", b"b"])

            def close(self) -> None:
                closed.append(1)

        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [])
            return Body()

        with fetch(wsgi, method=method, stream=stream) as response:
            assert response.content == (b"" if method == "HEAD" else b"ab")
        assert closed == [1]

    def test_failing_close_spares_the_caller(self, caplog: pytest.LogCaptureFixture) -> None:
        def view() -> ResponseReturnValue:
            response = Response("whole")
            response.call_on_close(lambda: 1 // 0)
            return response

        assert fetch(service(view=view)).text == "whole"
        assert "ZeroDivisionError" in caplog.text

    def test_broken_body_breaks_the_connection(self, caplog: pytest.LogCaptureFixture) -> None:
        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                yield "so far"
                raise LookupError("no further")

            return Response(body())

        app = service(view=view)
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="Connection broken"):
            fetch(app)
        pieces = fetch(app, stream=True).iter_content(None)
        assert next(pieces) == b"so far"
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            next(pieces)
        assert "no further" in caplog.text

    def test_short_body_breaks_the_connection(self) -> None:
        """A body shorter than its header says."""

        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Length", "9")])
            return [b"short"]

        with serving(wsgi) as url, requests.Session() as session:
            real = end_of(lambda: session.get(url, timeout=2))
        in_mesh = end_of(lambda: fetch(wsgi))
        assert isinstance(real, requests.exceptions.ChunkedEncodingError) is CHAINED
        assert type(in_mesh) is type(real)
        if CHAINED:
            assert str(in_mesh) == str(real)

    def test_long_body_is_cut(self) -> None:
        """A body longer than its header says."""
        ended: list[str] = []

        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Length", "5")])
            yield b"exact"
            yield b"ly"
            ended.append("as a server would have it")

        assert fetch(wsgi).content == b"exact"
        assert ended

    @pytest.mark.parametrize("status", [204, 304])
    def test_bodiless_status_has_no_body(self, status: int) -> None:
        """Whatever the app sends."""

        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response(f"{status} Whatever", [])
            return [b"not to be read"]

        assert fetch(wsgi).content == b""

    @pytest.mark.parametrize("size", [0, 1, 8_191, 65_537, 1_000_003])
    def test_bodies_of_any_size_arrive(self, size: int) -> None:
        data = bytes(n % 251 for n in range(1000)) * (size // 1000) + bytes(size % 1000)
        assert len(data) == size
        app = service(back=lambda: request.get_data())
        assert fetch(app, "/back", "POST", data=data).content == data
        assert fetch(app, "/back", "POST", data=io.BytesIO(data)).content == data
        assert fetch(app, "/back", "POST", data=iter([data, data])).content == data * 2

    def test_broken_request_fails_its_sender(self) -> None:
        received: list[bytes] = []

        def take() -> ResponseReturnValue:
            received.append(request.stream.read(4))
            received.append(request.stream.read())
            return "taken"

        def pieces() -> Iterator[bytes]:
            yield b"half"
            raise LookupError("the other half")

        with pytest.raises(LookupError, match="the other half"):
            fetch(service(take=take), "/take", "POST", data=pieces())
        assert received == [b"half"]

    def test_empty_pieces_end_nothing(self) -> None:
        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [])
            return iter([b"", b"a", b"", b"", b"b", b""])

        assert fetch(wsgi).content == b"ab"

    def test_gzip_is_decoded(self) -> None:
        text = "again and " * 1000

        def view() -> ResponseReturnValue:
            assert "gzip" in request.headers["Accept-Encoding"]
            headers = {"Content-Encoding": "gzip"}
            return Response(gzip.compress(text.encode()), headers=headers)

        app = service(view=view)
        assert fetch(app).text == text
        assert b"".join(fetch(app, stream=True).iter_content(100)) == text.encode()
        raw = fetch(app, stream=True).raw.read(decode_content=False)
        assert gzip.decompress(raw) == text.encode()

    def test_broken_gzip_fails(self) -> None:
        app = service(view=lambda: Response("plain", headers={"Content-Encoding": "gzip"}))
        with pytest.raises(requests.exceptions.ContentDecodingError, match="incorrect header"):
            fetch(app)


@pytest.mark.parametrize("size", [None, 7])
def test_compressed_body_ends(size: int | None) -> None:
    content = b"0123456789" * 10

    def packed() -> ResponseReturnValue:
        return Response(gzip.compress(content), headers={"Content-Encoding": "gzip"})

    def read() -> bytes:
        response = requests.get("http://leaf/packed", stream=True, timeout=2)
        return b"".join(response.iter_content(size))

    end, _ = ended(read, {"http://leaf": service(packed=packed)})
    assert end == content
