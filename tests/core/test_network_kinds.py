"""Kinds of fault of the network and of answers: their words, calls, parameters and forms."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from flask_filibuster import Fault
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.kinds.answer import Answer, Asked
from flask_filibuster.core.kinds.registry import known_kinds
from flask_filibuster.core.messages import Decision
from flask_filibuster.errors import FaultModelError
from flask_filibuster.protocol.decisions import read_decision, write_decision
from flask_filibuster.protocol.records import read_fault, write_fault

NOW = 1_000_000_000.0
WORDS = {
    "refuses the connection": Fault.of("refused"),
    "cannot be found by its name": Fault.of("name not resolved"),
    "does not accept the connection in time": Fault.of("connect timeout"),
    "presents a certificate that is not trusted": Fault.of("certificate not trusted"),
    "is behind a proxy that refuses the connection": Fault.of("proxy unreachable"),
    "is behind a proxy that opens no tunnel": Fault.of("tunnel refused"),
    "resets the connection after the request": Fault.of("reset"),
    "closes the connection without an answer": Fault.of("closed without an answer"),
    "does not answer in time": Fault.of("read timeout"),
    "answers 502 Bad Gateway with the HTML page of a gateway": Fault.of("gateway page"),
    "answers 429 Too Many Requests with Retry-After: 1": Fault.of("retry later"),
    "answers 503 Service Unavailable with Retry-After: a date 60 s ago": Fault.of(
        "retry later", status=503, after=-60, form="date"
    ),
    "answers 401 Unauthorized, as the credential has expired": Fault.of("credential expired"),
    "redirects with 302 to a login page": Fault.of("redirected"),
    "redirects with 307 to itself, for ever": Fault.of("redirected", to="itself", status=307),
    "redirects with 302 to a host that does not exist": Fault.of("redirected", to="dead host"),
    "redirects with 303 to the same URL, once": Fault.of("redirected", to="same URL", status=303),
}
BEFORE = [fault for fault in WORDS.values() if fault.point == "before"]


def call(url: str = "http://stock/x", timeout: Any = (1, 2), **named: Any) -> Call:
    return Call(ROOT, "shop", "stock", "GET", url, timeout=timeout, **named)


@pytest.mark.parametrize(("words", "fault"), WORDS.items(), ids=WORDS)
class TestEach:
    def test_words(self, words: str, fault: Fault) -> None:
        assert str(fault) == words

    def test_repr_makes_it_again(self, words: str, fault: Fault) -> None:
        assert eval(repr(fault), {"Fault": Fault}) == fault

    def test_travels_in_records_and_on_the_wire(self, words: str, fault: Fault) -> None:
        assert read_fault(write_fault(fault)) == fault
        assert read_decision(write_decision(ROOT.child("x", 1), Decision(7, fault))).fault == fault

    def test_outcome_is_its_own(self, words: str, fault: Fault) -> None:
        assert [each for each in WORDS.values() if each.outcome == fault.outcome] == [fault]
        assert fault.rank == (10 if fault.exception is not None else 20)

    def test_other_projects_get_the_plain_outcome(self, words: str, fault: Fault) -> None:
        payload = write_decision(ROOT.child("x", 1), Decision(7, fault))
        if fault.exception is not None:
            assert payload["forced_exception"]["name"] == f"requests.exceptions.{fault.exception}"
        else:
            told = payload["failure_metadata"]["return_value"]
            assert told == {"status_code": str(fault.status)}


class TestCallsTheyApplyTo:
    @pytest.mark.parametrize(
        ("name", "of", "other"),
        [
            ("name not resolved", call(), call("http://127.0.0.1:80/")),
            ("name not resolved", call("http://a.b/"), call("http://[::1]/")),
            ("connect timeout", call(timeout=(1, None)), call(timeout=(None, 2))),
            ("read timeout", call(timeout=(None, 2)), call(timeout=(1, None))),
            ("certificate not trusted", call("https://stock/"), call()),
            ("tunnel refused", call("https://stock/"), call()),
            ("proxy unreachable", call(), call(family="sql")),
            ("gateway page", call(), call(family="sql")),
            ("redirected", call(), call(family="cache")),
        ],
    )
    def test_only_where_it_can_happen(self, name: str, of: Call, other: Call) -> None:
        fault = Fault.of(name)
        assert fault.applies_to(of)
        assert not fault.applies_to(other)

    def test_refusal_and_reset_happen_to_any(self) -> None:
        for name in ("refused", "reset", "closed without an answer"):
            assert Fault.of(name).applies_to(call(timeout=(None, None), family="queue"))


class TestParameters:
    @pytest.mark.parametrize(
        ("name", "parameters", "message"),
        [
            ("gateway page", {"status": 500}, "status is 500; it must be one of 502, 503, 504"),
            ("retry later", {"status": 500}, "one of 429, 503"),
            ("retry later", {"form": "hours"}, "form is 'hours'; it must be one of seconds, date"),
            ("retry later", {"after": -1}, "after is -1; .* from 0 to 1000000000"),
            ("retry later", {"after": 10**10, "form": "date"}, "from -1000000000 to 1000000000"),
            ("retry later", {"after": True}, "after is True"),
            ("credential expired", {"status": 404}, "one of 401, 403"),
            ("redirected", {"to": "hell"}, "to is 'hell'; it must be one of login page, itself"),
            ("redirected", {"status": 304}, "one of 301, 302, 303, 307, 308"),
        ],
    )
    def test_nonsense_is_refused(self, name: str, parameters: dict[str, Any], message: str) -> None:
        with pytest.raises(FaultModelError, match=message):
            Fault.of(name, **parameters)

    @pytest.mark.parametrize("fault", BEFORE, ids=str)
    def test_calls_that_are_never_made_lose_nothing(self, fault: Fault) -> None:
        with pytest.raises(FaultModelError, match="never made, so no answer can be lost"):
            Fault.of(fault.kind.name, abort=False)


class TestAnswers:
    def answer(self, fault: Fault) -> Answer:
        answer = fault.kind.reply(Asked("POST", "http://stock:80/x?y=1", NOW))
        assert answer is not None
        return answer

    def test_page_is_html(self) -> None:
        answer = self.answer(Fault.of("gateway page", status=504))
        assert dict(answer.headers)["Content-Type"] == "text/html"
        assert b"<h1>504 Gateway Timeout</h1>" in answer.body

    @pytest.mark.parametrize("after", [0, 1, 10**9])
    def test_seconds_until_the_retry(self, after: int) -> None:
        answer = self.answer(Fault.of("retry later", after=after))
        assert dict(answer.headers)["Retry-After"] == str(after)

    @pytest.mark.parametrize("after", [-3600, 0, 30])
    def test_date_of_the_retry(self, after: int) -> None:
        answer = self.answer(Fault.of("retry later", after=after, form="date"))
        date = parsedate_to_datetime(dict(answer.headers)["Retry-After"])
        assert date.timestamp() == NOW + after

    def test_challenge_names_the_error(self) -> None:
        answer = self.answer(Fault.of("credential expired"))
        assert 'error="invalid_token"' in dict(answer.headers)["WWW-Authenticate"]

    @pytest.mark.parametrize(
        ("to", "location"),
        [
            ("login page", "http://stock:80/login?next=/x"),
            ("itself", "http://stock:80/x?y=1"),
            ("dead host", "http://moved.invalid/x?y=1"),
            ("same URL", "http://stock:80/x?y=1"),
        ],
    )
    def test_where_redirects_lead(self, to: str, location: str) -> None:
        assert dict(self.answer(Fault.of("redirected", to=to)).headers)["Location"] == location


@pytest.mark.parametrize("name", sorted({*known_kinds()} - {"raised", "answered"}))
def test_readme_names_each_kind(name: str) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"`{name}`" in readme or f'"{name}"' in readme
