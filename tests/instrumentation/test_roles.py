"""What a mock in the place of a part of requests would have called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest
import requests
import requests.adapters
import requests.api
import requests.sessions

from flask_filibuster import instrument_requests
from flask_filibuster.core.kinds.bodies import BrokenBody
from flask_filibuster.errors import InjectionError
from flask_filibuster.instrumentation.call import perform_mocked
from flask_filibuster.instrumentation.clients.requests.adapter import CLIENT
from flask_filibuster.instrumentation.outgoing import Role
from tests.support.callers import REFUSED, UNAVAILABLE, ended

URL = "http://leaf/ok"


def prepared() -> requests.PreparedRequest:
    return requests.Request("POST", URL).prepare()


def role_of(original: Any, *names: str) -> Role | None:
    role = CLIENT.role_of(original)
    for name in names:
        assert role is not None
        role = role.result() if name == "()" else role.attribute(name)
    return role


class OwnSession(requests.Session):
    pass


SESSION = requests.Session()
PARTS: list[tuple[str, Any, tuple[str, ...], tuple[Any, ...], dict[str, Any], str]] = [
    ("function", requests.get, (), (URL,), {}, "GET"),
    ("function-named", requests.post, (), (), {"url": URL}, "POST"),
    ("request", requests.request, (), ("PUT", URL), {}, "PUT"),
    ("request-named", requests.request, (), (), {"method": "put", "url": URL}, "PUT"),
    ("module", requests, ("get",), (URL,), {}, "GET"),
    ("module-session", requests, ("Session", "()", "get"), (URL,), {}, "GET"),
    ("module-function-session", requests, ("session", "()", "get"), (URL,), {}, "GET"),
    ("submodule", requests.api, ("delete",), (URL,), {}, "DELETE"),
    ("class", requests.Session, ("()", "patch"), (URL,), {}, "PATCH"),
    ("own-class", OwnSession, ("()", "get"), (URL,), {}, "GET"),
    ("object", SESSION, ("get",), (URL,), {}, "GET"),
    ("bound", SESSION.get, (), (URL,), {}, "GET"),
    ("method", requests.Session.get, (), (SESSION, URL), {}, "GET"),
    ("method-request", requests.Session.request, (), (SESSION, "GET", URL), {}, "GET"),
    ("method-request-unbound", requests.Session.request, (), ("GET", URL), {}, "GET"),
    ("method-send", requests.Session.send, (), (SESSION, prepared()), {}, "POST"),
    ("adapter-send", requests.adapters.HTTPAdapter.send, (), (prepared(),), {}, "POST"),
    ("adapter", requests.adapters.HTTPAdapter, ("()", "send"), (prepared(),), {}, "POST"),
    ("get-adapter", SESSION.get_adapter, ("()", "send"), (prepared(),), {}, "POST"),
]


class TestRoles:
    @pytest.mark.parametrize(
        ("original", "names", "args", "options", "method"),
        [each[1:] for each in PARTS],
        ids=[each[0] for each in PARTS],
    )
    def test_call_is_described(
        self,
        original: Any,
        names: tuple[str, ...],
        args: tuple[Any, ...],
        options: dict[str, Any],
        method: str,
    ) -> None:
        role = role_of(original, *names)
        assert role is not None
        call = role.call_of(args, {**options, "timeout": (1, 2)})
        assert call is not None
        assert (call.operation, call.url, call.timeout) == (method, URL, (1, 2))

    def test_description_has_query_and_key(self) -> None:
        role = role_of(requests.post)
        assert role is not None
        options = {"params": {"n": 1}, "headers": {"Idempotency-Key": "k"}, "json": {}}
        call = role.call_of((URL,), options)
        assert call is not None
        assert (call.url, call.idempotency_key) == (f"{URL}?n=1", "k")

    def test_odd_arguments_are_described(self) -> None:
        role = role_of(requests.get)
        assert role is not None
        call = role.call_of(("/relative",), {"headers": 3})
        assert call is not None
        assert call.url == "/relative"
        assert role.call_of((), {}) is None
        assert role.call_of((3,), {}) is None

    @pytest.mark.parametrize(
        "original",
        [print, requests.Response, requests.utils, "text", requests.Session.close, dict.get],
    )
    def test_what_makes_no_call_has_no_role(self, original: Any) -> None:
        assert CLIENT.role_of(original) is None

    def test_patched_function_has_its_role(self) -> None:
        with instrument_requests():
            assert CLIENT.role_of(requests.adapters.HTTPAdapter.send) is not None


def stand_in(mock: Any) -> Any:
    """A replacement of ``requests.get``, as one that sees calls of mocks would wrap it."""
    role = CLIENT.role_of(requests.get)
    assert role is not None

    def get(*args: Any, **options: Any) -> Any:
        call = role.call_of(args, options)
        assert call is not None
        return perform_mocked(call, lambda: mock(*args, **options))

    return get


class TestStandIns:
    def test_any_reply_is_a_good_outcome(self) -> None:
        mock = MagicMock()
        end, (seen,) = ended(lambda: stand_in(mock)(URL, timeout=1), {})
        assert end is mock.return_value
        assert seen.outcome is not None
        assert not seen.outcome.failed
        assert seen.callsite is not None

    def test_status_of_a_reply_is_the_outcome(self) -> None:
        mock = MagicMock()
        mock.return_value.status_code = 404
        _, (seen,) = ended(lambda: stand_in(mock)(URL), {})
        assert seen.outcome is not None
        assert seen.outcome.status == 404

    def test_fault_is_a_real_response_or_error(self) -> None:
        mock = MagicMock()
        end, _ = ended(lambda: stand_in(mock)(URL), {}, (0, UNAVAILABLE))
        assert isinstance(end, requests.Response)
        assert (end.status_code, end.text, end.url) == (503, "503 Service Unavailable", URL)
        end, _ = ended(lambda: stand_in(mock)(URL), {}, (0, REFUSED))
        assert isinstance(end, requests.ConnectionError)
        assert mock.call_count == 4  # The mock is asked in each of the executions.

    def test_complaint_of_a_mock_stays(self) -> None:
        mock = MagicMock(side_effect=[None, AssertionError("not this one")])
        end, _ = ended(lambda: stand_in(mock)(URL), {}, (0, REFUSED))
        assert isinstance(end, AssertionError)

    def test_body_of_a_mere_object_cannot_break(self) -> None:
        role = CLIENT.role_of(requests.get)
        assert role is not None
        call = role.call_of((URL,), {})
        assert call is not None

        def broken(pieces: Iterator[bytes]) -> Iterator[bytes]:
            raise BrokenBody(0, 1)

        with pytest.raises(InjectionError, match="the answer is a MagicMock"):
            call.alter_body(MagicMock(), broken)
