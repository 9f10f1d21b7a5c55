"""No call passes silently: it is made to fail, or the report names it.

All forms (clients, mocks, places, threads) are tried alone, as the documentation's table shows
them, and combined at random.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support import seen
from tests.support.cases import cases, only_in_earnest
from tests.support.forms import Form, Forms
from tests.support.forms.clients import CLIENTS
from tests.support.forms.mocks import MOCKS
from tests.support.forms.places import PLACES
from tests.support.forms.threads import THREADS
from tests.support.forms.trying import Combination, tried
from tests.support.listener import Listener, listening

# Applications that let their calls' errors escape, and libraries that are deprecated.
pytestmark = pytest.mark.filterwarnings("ignore")

ROWS = seen.rows_in(seen.PAGE.read_text(encoding="utf-8"))
EVERY = [(kind, form) for kind, forms in seen.KINDS.items() for form in forms.every]
# Other tests explore most of the forms one by one, too.
TRIED = [
    pytest.param(kind, form, id=f"{kind}-{form}", marks=only_in_earnest if number % 6 else ())
    for number, (kind, form) in enumerate(EVERY)
]


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening() as there:
        yield there


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("flask_filibuster")
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr(logger, "disabled", True)


class TestTable:
    @pytest.mark.parametrize("kind", [*seen.KINDS, "neighbour", "plugin"])
    def test_has_a_row_for_each_form(self, kind: str) -> None:
        assert list(ROWS[kind]) == [each.words for each in seen.every_form(kind)], seen.AGAIN

    @pytest.mark.parametrize(("kind", "form"), TRIED)
    def test_says_what_came_of_it(self, kind: str, form: Form[Any], listener: Listener) -> None:
        if not form.is_possible:
            pytest.skip(f"needs {form.needs}")
        found = tried(seen.combination(kind, form), f"http://{listener.place}/way")
        assert seen.verdict(found) == ROWS[kind][form.words], seen.AGAIN


def _one_of(forms: Forms[Any], *less: str) -> st.SearchStrategy[Form[Any]]:
    return st.sampled_from([each for each in forms.possible if each.name not in less])


COMBINATIONS = st.builds(
    Combination,
    client=_one_of(CLIENTS),
    # Half of the forms are stand-ins for parts of requests, of which many would stand idle.
    mock=st.one_of(
        st.sampled_from([each for each in MOCKS.possible if "standin" not in each.name]),
        _one_of(MOCKS),
    ),
    place=_one_of(PLACES),
    thread=_one_of(THREADS),
    before=st.booleans(),
    beside=st.booleans(),
    careful=st.booleans(),
)


class TestCombinations:
    # The same examples each time: what other ones find is mended first, and then tried here.
    @pytest.mark.slow
    @settings(max_examples=cases(240, part=16), deadline=None, derandomize=True)
    @given(combination=COMBINATIONS)
    def test_no_call_passes_silently(self, listener: Listener, combination: Combination) -> None:
        found = tried(combination, f"http://{listener.place}/way")
        assume(found.made)
        assert found.has_failed or found.named or found.is_broken, f"{found.ends}\n{found.result}"
