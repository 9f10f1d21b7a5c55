"""Suites beside which a call is made: plugins of pytest, and kinds of tests and fixtures.

Each has the same tests twice: of a service that is careless about its call, and of one that is
careful. The names of the tests tell which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.forms import Forms


@dataclass(frozen=True)
class Example:
    """A suite and what it needs.

    :ivar source: the tests, without a mark; ``MARKED`` is the list of marks that all get.
    :ivar plugins: the modules of the plugins, in the order in which they are loaded.
    :ivar options: the options of the session.
    :ivar conftest: the conftest.py.
    """

    source: str
    plugins: str = ""
    options: str = ""
    conftest: str = ""


PLUGINS = Forms[Callable[[], Example]]()

PAGE = """
    @pytest.mark.parametrize("source", [careless, careful])
    def test_page(source):
        assert status(source) == 200
"""


def page(body: str, *fixtures: str) -> str:
    """Tests of a page."""
    given = ", ".join(("source", *fixtures))
    return PAGE.replace("(source):", f"({given}):").replace("assert status(source) == 200", body)


@PLUGINS.form("pytest-rerunfailures", "pytest_rerunfailures")
def rerunfailures() -> Example:
    return Example(PAGE, "pytest_rerunfailures", "--reruns=2")


@PLUGINS.form("pytest-retry", "pytest_retry")
def retry() -> Example:
    return Example(PAGE, "pytest_retry.retry_plugin", "--retries=2")


@PLUGINS.form("flaky", "flaky")
def flaky() -> Example:
    return Example(PAGE, "flaky.flaky_pytest_plugin", "--force-flaky --max-runs=3")


HANGING = """
    import threading, time

    def hanging():
        try:
            return careless()
        except requests.ConnectionError:
            threading.Event().wait()
        except (requests.RequestException, ValueError):
            return None

    def test_hangs():
        assert status(hanging) == 200
"""


@PLUGINS.form("pytest-timeout: a hang", "pytest_timeout")
def timeout() -> Example:
    careful = page("time.sleep(0.1); assert status(source) == 200").replace("careless, ", "")
    return Example(HANGING + careful, "pytest_timeout", "--timeout=0.8")


SUBTESTS = """
    @pytest.mark.parametrize("source", [careless, careful])
    def test_it(source, subtests):
        for number in range(2):
            with subtests.test("here", number=number):
                assert status(source) == 200
        with subtests.test("skipped"):
            pytest.skip("here")
"""
OWN_SUBTESTS = hasattr(pytest, "Subtests")  # pytest has had them since 9.0.


@PLUGINS.form(
    "`subtests` of pytest, or of pytest-subtests",
    "_pytest.subtests" if OWN_SUBTESTS else "pytest_subtests",
)
def subtests() -> Example:
    return Example(SUBTESTS, "" if OWN_SUBTESTS else "pytest_subtests")


UNITTEST_SUBTESTS = """
    import unittest

    class TestCareless(unittest.TestCase):
        source = staticmethod(careless)

        def test_it(self):
            for number in range(2):
                with self.subTest("here", number=number):
                    self.assertEqual(status(self.source), 200)

    class TestCareful(TestCareless):
        source = staticmethod(careful)
"""


@PLUGINS.form("`subTest` of unittest")
def unittest_subtests() -> Example:
    return Example(UNITTEST_SUBTESTS)


CASES = """
    import unittest
    set_up = []

    class TestCareless(unittest.TestCase):
        source = staticmethod(careless)

        @classmethod
        def setUpClass(cls):
            with answering():
                assert careless() == 1
                cls.client = create_app(cls.source).test_client()
                assert cls.client.get("/w").json == {"t": 1}

        tearDownClass = setUpClass

        def setUp(self):
            set_up.append(self)
            self.mock = answering()
            self.mock.__enter__()
            self.addCleanup(self.mock.__exit__, None, None, None)
            self.addCleanup(lambda: self.assertEqual(careless(), 1))
            self.assertEqual(self.client.get("/w").json, {"t": 1})

        def tearDown(self):
            self.assertEqual(set_up, [self])
            set_up.clear()
            self.assertEqual(self.client.get("/w").json, {"t": 1})

        def test_it(self):
            self.assertEqual(self.client.get("/w").status_code, 200)

        def test_sync(self):
            self.assertEqual(self.client.get("/w").status_code, 200)

    class TestCareful(TestCareless):
        source = staticmethod(careful)
"""
ASYNC_CASES = """
    import asyncio, unittest
    set_up = []

    class TestCareless(unittest.IsolatedAsyncioTestCase):
        source = staticmethod(careless)

        def setUp(self):
            self.mock = answering()
            self.mock.__enter__()

        def tearDown(self):
            self.assertEqual(careless(), 1)
            self.mock.__exit__(None, None, None)

        async def asyncSetUp(self):
            await asyncio.sleep(0)
            set_up.append(self)
            self.assertEqual(careless(), 1)
            self.client = create_app(self.source).test_client()

        async def asyncTearDown(self):
            self.assertEqual(set_up, [self])
            set_up.clear()
            self.assertEqual(careless(), 1)

        async def test_it(self):
            await asyncio.sleep(0)
            self.assertEqual(self.client.get("/w").status_code, 200)

        def test_sync(self):
            self.assertEqual(self.client.get("/w").status_code, 200)

    class TestCareful(TestCareless):
        source = staticmethod(careful)
"""


@PLUGINS.form("`unittest.TestCase`, with requests in `setUp` and `tearDown`")
def unittest_cases() -> Example:
    return Example(CASES)


@PLUGINS.form("`IsolatedAsyncioTestCase`")
def unittest_coroutines() -> Example:
    return Example(ASYNC_CASES)


COROUTINE = """
    @pytest.mark.parametrize("source", [careless, careful])
    async def test_coroutine(source):
        await LIBRARY.sleep(0)
        assert status(source) == 200
"""
ASYNCIO = "    import asyncio\n" + COROUTINE.replace("LIBRARY", "asyncio")
LOOP = "-oasyncio_default_fixture_loop_scope=function"
ANYIO = """
    import anyio
    pytestmark = [*MARKED, pytest.mark.anyio]

    @pytest.fixture
    def anyio_backend():
        return BACKEND
""" + COROUTINE.replace("LIBRARY", "anyio")


@PLUGINS.form("pytest-asyncio, strict", "pytest_asyncio")
def asyncio_strict() -> Example:
    source = "    pytestmark = [*MARKED, pytest.mark.asyncio]\n" + ASYNCIO
    return Example(source, "pytest_asyncio.plugin", f"--asyncio-mode=strict {LOOP}")


@PLUGINS.form("pytest-asyncio, auto", "pytest_asyncio")
def asyncio_auto() -> Example:
    return Example(ASYNCIO, "pytest_asyncio.plugin", f"--asyncio-mode=auto {LOOP}")


@PLUGINS.form("anyio, with asyncio", "anyio")
def anyio_asyncio() -> Example:
    return Example(ANYIO.replace("BACKEND", "'asyncio'"), "anyio.pytest_plugin")


@PLUGINS.form("anyio, with trio", "trio")
def anyio_trio() -> Example:
    return Example(ANYIO.replace("BACKEND", "'trio'"), "anyio.pytest_plugin")


GIVEN = """
    from hypothesis import given, settings, strategies as st

    @pytest.mark.parametrize("source", [careless, careful])
    @given(number=st.integers())
    @settings(max_examples=3, deadline=None)
    def test_property(source, number):
        assert status(source) == 200
"""
STATEFUL = """
    from hypothesis import settings
    from hypothesis.stateful import RuleBasedStateMachine, rule

    class Careless(RuleBasedStateMachine):
        @rule()
        def page(self):
            assert status(careless) == 200

    TestCareless = Careless.TestCase
    TestCareless.settings = settings(max_examples=2, stateful_step_count=2, deadline=None)
    TestCareless.pytestmark = MARKED
"""


@PLUGINS.form("Hypothesis: one example of `@given`", "hypothesis")
def hypothesis_given() -> Example:
    return Example(GIVEN, "_hypothesis_pytestplugin")


@PLUGINS.form("Hypothesis: a stateful test", "hypothesis")
def hypothesis_stateful() -> Example:
    return Example(STATEFUL, "_hypothesis_pytestplugin")


SHARED = """
    @pytest.fixture(scope="session")
    def mock():
        with answering() as mock:
            yield mock

    @pytest.fixture(scope="SCOPE", params=[careless, careful])
    def client(mock, request):
        client = create_app(request.param).test_client()
        assert client.get("/w").json == {"t": 1}
        yield client
        assert client.get("/w").json == {"t": 1}

    class TestHere:
        def test_it(self, client):
            assert client.get("/w").status_code == 200
"""


def _add_fixtures(scope: str) -> None:
    @PLUGINS.form(f"a fixture of scope `{scope}` that makes requests", name=f"fixture_{scope}")
    def fixture() -> Example:
        return Example(SHARED.replace("SCOPE", scope))


for _scope in ("function", "class", "module", "session"):
    _add_fixtures(_scope)


@PLUGINS.form("pytest-mock", "pytest_mock")
def mocker() -> Example:
    body = """
        answer = requests.Response()
        answer.status_code, answer._content = 200, b'{"t": 1}'
        get = mocker.patch("requests.get", return_value=answer)
        assert create_app(source).test_client().get("/w").status_code == 200
        assert get.call_count == 1
    """
    return Example(page(body.strip(), "mocker"), "pytest_mock")


@PLUGINS.form("pytest-randomly", "pytest_randomly")
def randomly() -> Example:
    # The plugin seeds it for each execution.
    body = "note(str(random.random())); assert status(source) == 200"
    return Example("    import random\n" + page(body), "pytest_randomly")


@PLUGINS.form("pytest-order", "pytest_order")
def order() -> Example:
    return Example(
        "    pytestmark = [*MARKED, pytest.mark.order(1)]\n" + PAGE, "pytest_order.plugin"
    )


@PLUGINS.form("pytest-repeat", "pytest_repeat")
def repeat() -> Example:
    return Example(PAGE, "pytest_repeat", "--count=2")


@PLUGINS.form("pytest-cov", "pytest_cov")
def cov() -> Example:
    return Example(PAGE, "pytest_cov.plugin", "--cov=beside")


@PLUGINS.form("pytest-xdist", "xdist")
def xdist() -> Example:
    return Example(PAGE, "xdist.plugin xdist.looponfail", "-n1")


FIRST = """
    import pytest
    from _pytest.runner import runtestprotocol

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        runtestprotocol(item, nextitem=nextitem)
        return True
"""
LOOPING = """
    from _pytest.runner import runtestprotocol

    def pytest_runtestloop(session):
        for item in session.items:
            runtestprotocol(item, nextitem=None)
        return True
"""
TWICE = """
    import pytest

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(item, call):
        report = yield
        if call.when == "call" and call.excinfo is not None:
            call = pytest.CallInfo.from_call(
                lambda: item.ihook.pytest_runtest_call(item=item), when="call"
            )
            report = pytest.TestReport.from_item_and_call(item, call)
        return report
"""


@PLUGINS.form("a plugin that runs tests by a protocol of its own")
def protocol() -> Example:
    return Example(PAGE, conftest=FIRST)


@PLUGINS.form("a plugin that runs the tests in a loop of its own")
def loop() -> Example:
    return Example(PAGE, conftest=LOOPING)


@PLUGINS.form("a plugin that runs the body of a failed test again")
def twice() -> Example:
    return Example(PAGE, conftest=TWICE)
