"""Hypothesis: one example of a property is explored."""

from __future__ import annotations

import pytest

from tests.support import plugins
from tests.support.plugins import Beside

beside = plugins.beside

PROPERTIES = """
    import unittest
    from hypothesis import assume, example, given, note, settings, strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, rule

    ran = []

    @pytest.fixture(autouse=True)
    def fresh():
        ran.clear()

    @given(number=st.integers(), text=st.text())
    def test_careless(number, text):
        ran.append(number)
        assert ran == [0]
        note("one")
        assert status(careless) == 200

    @pytest.mark.parametrize("source", [careful])
    @example(number=17)
    @given(number=st.integers())
    @settings(max_examples=5)
    def test_example(source, number):
        assert number == 17
        assert status(source) == 200

    @given(number=st.integers(), data=st.data())
    def test_assumption(number, data):
        assume(number > 3)
        assert data.draw(st.booleans()) in (True, False)
        assert status(careful) == 200

    @given(number=st.integers())
    def test_rejected(number):
        assume(status(careful) == 200)
        assume(careful_answer())

    def careful_answer():
        with answering():
            return create_app(careful).test_client().get("/w").json["t"] == 1

    @given(number=st.integers())
    def test_fails(number):
        assert number != 0

    class TestMethods(unittest.TestCase):
        @given(number=st.integers())
        def test_method(self, number):
            self.assertEqual(status(careful), 200)

    class Machine(RuleBasedStateMachine):
        @rule()
        def page(self):
            note_step("step")
    note_step = note
    TestStateful = Machine.TestCase
"""


@pytest.mark.slow
def test_one_example_is_explored(beside: Beside) -> None:
    ran = beside.run(PROPERTIES, plugins="_hypothesis_pytestplugin")
    shown = "\n".join(ran.summary)
    one = "  of this property, one example is explored: "
    found, nothing = "6 executions: 3 bugs", "6 executions: nothing found"
    assert f"test_careless: {found}\n{one}number=0, text=''" in shown, ran.output
    assert f"test_example[careful]: {nothing}\n{one}number=17" in shown
    assert f"test_assumption: {nothing}\n{one}number=" in shown
    assert f"TestMethods::test_method: {nothing}\n{one}number=0" in shown
    assert "the test skipped" in shown.partition("test_rejected")[2]
    assert "a stateful test of Hypothesis can't be explored" in ran.output
    assert ran.output.count("no fault injected") == 2
    assert ran.outcomes == {"failed": 3, "passed": 4}


def test_coroutines_are_properties_too(beside: Beside) -> None:
    source = """
    from hypothesis import given, strategies as st

    @given(number=st.integers())
    async def test_it(number):
        note(str(number))
        assert status(careful) == 200
    """
    ran = beside.run(
        source,
        "--asyncio-mode=auto",
        "-oasyncio_default_fixture_loop_scope=function",
        plugins="_hypothesis_pytestplugin pytest_asyncio.plugin",
    )
    assert "6 executions: nothing found" in ran.output
    assert ran.notes == ["0"] * 7
