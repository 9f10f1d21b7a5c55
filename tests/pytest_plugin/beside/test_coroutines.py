"""Coroutine tests: pytest-asyncio, anyio's plugin, and unittest's IsolatedAsyncioTestCase."""

from __future__ import annotations

import pytest

from tests.support import plugins
from tests.support.cases import sample
from tests.support.forms.plugins import ASYNC_CASES, CASES
from tests.support.plugins import Beside

beside = plugins.beside

FIXTURES = """
    import asyncio
    fresh = []

    @FIXTURE
    async def source(request):
        await asyncio.sleep(0)
        assert not fresh
        fresh.append(request.param)
        assert request.param() == 1  # Faults are for the test.
        yield request.param
        await asyncio.sleep(0)
        assert request.param() == 1
        fresh.clear()

    @pytest.fixture(autouse=True)
    def mock():
        with answering():
            yield

    def page(source):
        return create_app(source).test_client().get("/w").status_code

    sources = {"argvalues": [careless, careful], "ids": ["careless", "careful"]}
    each = pytest.mark.parametrize("source", **sources, indirect=True)
"""
TESTS = """
    @each
    async def test_plain(source):
        await asyncio.sleep(0)
        assert page(source) == 200
"""
TASKS = """
    @each
    async def test_tasks(source):
        async def task():
            await asyncio.sleep(0)
            return page(source)
        assert await asyncio.gather(task(), task()) == [200, 200]
"""
MODULES = """
    SCOPED
    async def loop_of_the_module():
        assert careless() == 1  # Without faults: no execution has begun, or has ended.
        yield
        assert careless() == 1

    MARK
    async def test_unmarked_before(loop_of_the_module):
        pass

    @each
    MARK
    @pytest.mark.filibuster
    async def test_module(source, loop_of_the_module):
        await asyncio.sleep(0)
        assert page(source) == 200
"""


def _asyncio(mode: str, text: str) -> str:
    fixture = "pytest_asyncio.fixture" if mode == "strict" else "pytest.fixture"
    mark = "pytestmark = [pytest.mark.filibuster, pytest.mark.asyncio]"
    return (
        "    import pytest_asyncio\n"
        + (f"    {mark}\n" if mode == "strict" else "")
        + text.replace("FIXTURE", fixture)
    )


class TestAsyncio:
    @pytest.mark.parametrize("mode", ["strict", "auto"])
    def test_marked_tests_are_explored(self, beside: Beside, mode: str) -> None:
        source = _asyncio(mode, FIXTURES + TESTS + TASKS)
        ran = beside.run(
            source,
            f"--asyncio-mode={mode}",
            "-oasyncio_default_fixture_loop_scope=function",
            plugins="pytest_asyncio.plugin",
        )
        _all_explored(ran.summary, ran.output, "test_plain", "test_tasks")

    def test_loops_of_modules_are_known(self, beside: Beside) -> None:
        source = FIXTURES.replace("FIXTURE", 'pytest_asyncio.fixture(loop_scope="module")')
        scoped = '@pytest_asyncio.fixture(scope="module", loop_scope="module")'
        mark = '@pytest.mark.asyncio(loop_scope="module")'
        ran = beside.run(
            "    import pytest_asyncio\n    pytestmark = []\n"
            + source.replace("def mock():", "def mock(mocked):")
            + MOCKED
            + MODULES.replace("SCOPED", scoped).replace("MARK", mark),
            "-oasyncio_default_fixture_loop_scope=function",
            plugins="pytest_asyncio.plugin",
        )
        _all_explored(ran.summary, ran.output, "test_module")


MOCKED = """
    @pytest.fixture(scope="module", autouse=True)
    def mocked():
        with answering():
            yield
"""


ANYIO = """
    pytestmark = [pytest.mark.anyio]

    @pytest.fixture(scope="module")
    def anyio_backend():
        return BACKEND
"""


class TestAnyio:
    @pytest.mark.slow
    @pytest.mark.parametrize("library", ["asyncio", "trio"])
    def test_marked_tests_are_explored(self, beside: Beside, library: str) -> None:
        pytest.importorskip(library)
        source = ANYIO + MOCKED + FIXTURES + TESTS + MODULES
        for written, meant in {
            "BACKEND": repr(library),
            "FIXTURE": "pytest.fixture",
            "SCOPED": '@pytest.fixture(scope="module")',
            "MARK": "@pytest.mark.anyio",
            "import asyncio": "import anyio",
            "asyncio.sleep": "anyio.sleep",
            "async def test_plain": "@pytest.mark.filibuster\n    async def test_plain",
        }.items():
            source = source.replace(written, meant)
        ran = beside.run(source, plugins="anyio.pytest_plugin")
        _all_explored(ran.summary, ran.output, "test_plain", "test_module")


class TestUnittest:
    @pytest.mark.slow
    @pytest.mark.parametrize("suite", sample([ASYNC_CASES, CASES]), ids=["coroutines", "functions"])
    def test_faults_are_for_the_test(self, beside: Beside, suite: str) -> None:
        ran = beside.run(suite)
        careful, careless = ran.summary[:2], ran.summary[2:]
        assert [line.split("executions: ")[1] for line in careful] == ["nothing found"] * 2
        assert [line.split("executions: ")[1] for line in careless] == ["3 bugs"] * 2
        assert ran.outcomes == {"failed": 2, "passed": 2}

    @pytest.mark.slow
    def test_recalled_bodies_do_not_run(self, beside: Beside) -> None:
        source = CASES.replace(
            "def test_sync(self):", 'def test_sync(self):\n            note("body")'
        )
        arguments = ("--filibuster-journal=j", "-k", "TestCareful and test_sync")
        assert beside.run(source, *arguments).count("body") == 7
        again = beside.run(source, *arguments, "--filibuster-resume")
        assert again.count("body") == 0, again.output
        assert again.outcomes == {"passed": 1, "deselected": 3}


def _all_explored(summary: list[str], output: str, *tests: str) -> None:
    """Each of these tests has bugs where the service is careless, and none where it is careful."""
    explored = [line for line in summary if "::" in line]
    assert len(explored) == 2 * len(tests), output
    for test in tests:
        careful, careless = sorted(line for line in explored if f"::{test}[" in line)
        assert "careful" in careful, output
        assert careful.endswith("nothing found"), output
        assert careless.endswith("bugs"), output
