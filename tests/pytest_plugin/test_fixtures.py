"""Fixtures of explored tests: fresh for each execution, or shared."""

from __future__ import annotations

import pytest

from tests.support import suites
from tests.support.suites import CAREFUL, CONFTEST, EXECUTIONS, RUNS, Suite

suite, few_plugins, all_plugins = suites.suite, suites.few_plugins, suites.all_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")


@pytest.mark.slow
def test_fixtures_are_fresh_per_execution(suite: Suite) -> None:
    ran = suite.run(
        """
        import sqlite3
        import pytest
        import requests
        from services import note

        @pytest.fixture
        def database(tmp_path):
            connection = sqlite3.connect(tmp_path / "rows.db")
            connection.execute("CREATE TABLE rows (value)")
            note("set up")
            yield connection
            connection.close()
            note("torn down")

        @pytest.mark.filibuster
        def test_page(database, tmp_path):
            assert [each.name for each in tmp_path.iterdir()] == ["rows.db"]
            (tmp_path / "more").write_text("more")
            database.execute("INSERT INTO rows VALUES (1)")
            assert database.execute("SELECT count(*) FROM rows").fetchone() == (1,)
            requests.get("http://front:5000/careful")
            note("body")
        """
    )
    assert ran.code == 0
    one = ["set up", "body", "torn down"]
    assert [each for each in ran.notes if each != "back was reached"] == one * RUNS


@pytest.mark.slow
def test_objects_are_fresh_per_execution(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests
        from services import note

        class TestPage:
            found = None

            @pytest.fixture(autouse=True)
            def prepared(self):
                assert not hasattr(self, "value")
                self.value = 1

            def setup_method(self):
                note("setup_method")

            @pytest.mark.filibuster
            def test_page(self):
                assert self.value == 1 and self.found is None
                self.found = requests.get("http://front:5000/careful").text
        """
    )
    assert ran.code == 0
    assert ran.count("setup_method") == RUNS
    assert ran.summary == ["test_it.py::TestPage::test_page: 4 executions: nothing found"]


@pytest.mark.slow
def test_each_set_of_parameters_is_explored(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests
        from services import note

        @pytest.fixture(params=["x", "y"])
        def made(request):
            note(f"made {request.param}")
            return request.param

        @pytest.mark.filibuster
        @pytest.mark.parametrize("path", ["careful", pytest.param("careless", id="a bug")])
        def test_page(path, made):
            assert requests.get(f"http://front:5000/{path}").status_code == 200
        """
    )
    assert ran.outcomes["passed"] == ran.outcomes["failed"] == 2
    assert ran.count("made x") == ran.count("made y") == 2 * RUNS
    replayed = suite.again(*ran.replay)
    assert replayed.outcomes["failed"] == 1
    assert replayed.notes == ["made x"]


@pytest.mark.slow
def test_marked_parameters_alone_are_explored(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests
        from services import note

        @pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.filibuster)])
        def test_page(n):
            note(str(n))
            if n == 2:
                requests.get("http://front:5000/careful")
        """
    )
    assert ran.count("1") == 1
    assert ran.count("2") == RUNS


@pytest.mark.slow
def test_methods_of_unittest_are_explored(suite: Suite) -> None:
    ran = suite.run(
        """
        import unittest
        import pytest
        import requests
        from services import note

        @pytest.mark.filibuster
        class PageTest(unittest.TestCase):
            def setUp(self):
                assert not hasattr(self, "page")
                note("setUp")

            def tearDown(self):
                note("tearDown")

            def test_careful(self):
                self.page = requests.get("http://front:5000/careful")
                self.assertEqual(self.page.status_code, 200)

            def test_careless(self):
                self.page = requests.get("http://front:5000/careless")
                self.assertEqual(self.page.status_code, 200)

            def test_skipped(self):
                self.skipTest("not today")
        """
    )
    assert ran.outcomes["passed"] == ran.outcomes["failed"] == ran.outcomes["skipped"] == 1
    assert ran.count("setUp") == ran.count("tearDown") == 2 * RUNS + 1
    assert "AssertionError: 500 != 200" in ran.output
    assert "raises Timeout" in ran.output
    assert suite.again(*ran.replay).summary == [
        "test_it.py::PageTest::test_careless: 1 execution: reproduced: AssertionError: 500 != 200"
    ]


SHARED = """
    import pytest
    from services import back, front, note

    def shared(scope):
        @pytest.fixture(scope=scope, autouse=True)
        def fixture():
            note(f"{scope} begins")
            yield
            note(f"{scope} ends")
        return fixture
"""

MARKED = """
    import pytest, requests
    from services import note

    @pytest.mark.filibuster
    def test_marked():
        note("marked")
        requests.get("http://front:5000/careful")
"""

PLAIN = """
    from services import note

    def test_plain():
        note("plain")
"""


@pytest.mark.slow
def test_wider_fixtures_are_shared(
    suite: Suite,
) -> None:
    """They are torn down when pytest would."""
    suite.write(
        conftest=CONFTEST
        + SHARED
        + """
    of_session, of_module = shared("session"), shared("module")
    """,
        **{
            "one/__init__": "",
            "one/conftest": SHARED + "\n    of_package = shared('package')\n",
            "one/test_a": MARKED + PLAIN,
            "one/test_b": MARKED,
            "two/__init__": "",
            "two/test_c": PLAIN,
            "two/test_d": MARKED,
        },
    )
    ran = suite.again()
    assert ran.outcomes["passed"] == 5
    fault_free = ["marked", "back was reached"]
    marked = [*fault_free, *fault_free, *["marked"] * (EXECUTIONS - 1)]
    module = ["module begins", *marked, "module ends"]
    assert ran.notes == [
        "session begins",
        *["package begins", "module begins", *marked, "plain", "module ends"],
        *[*module, "package ends"],
        *["module begins", "plain", "module ends"],
        *[*module, "session ends"],
    ]


@pytest.mark.slow
def test_fixtures_keep_pytests_order(suite: Suite) -> None:
    suite.write(
        conftest="""
            import pytest
            from services import back, front, note

            @pytest.fixture(scope="session", autouse=True)
            def environment():
                note("environment")

            @pytest.fixture(autouse=True)
            def settings():
                note("settings")

            @pytest.fixture
            def app():
                note("app")
                return front

            @pytest.fixture
            def filibuster_services():
                note("services")
                return {"http://front:5000": front, "http://back:5001": back}
        """
    )
    mark = "@pytest.mark.filibuster(check_determinism=False)"
    source = f"""
        import pytest
        {mark}
        def test_page(client): pass
    """
    marked = suite.run(source)
    plain = suite.run(source.replace(mark, ""))
    assert plain.notes[0] == "environment"
    assert [each for each in marked.notes if each != "services"] == plain.notes
    assert marked.count("services") == 1


@pytest.mark.slow
def test_requests_of_fixtures_never_fail(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests
        from services import note

        def ask(who):
            answer = requests.get("http://front:5000/careless")
            note(f"{who} got {answer.status_code} {answer.text}")

        @pytest.fixture(scope="session")
        def seeded():
            ask("session fixture")

        @pytest.fixture(autouse=True)
        def checked(seeded):
            ask("set-up")
            yield
            ask("tear-down")

        @pytest.mark.filibuster
        def test_page():
            requests.get("http://front:5000/careless")
        """
    )
    assert ran.outcomes["passed"] == 1
    assert ran.count("session fixture got 200 data") == 1
    assert ran.count("set-up got 200 data") == ran.count("tear-down got 200 data") == RUNS
    assert ran.summary == ["test_it.py::test_page: 4 executions: 2 bugs"]


@pytest.mark.slow
def test_requests_of_hooks_never_fail(suite: Suite) -> None:
    suite.write(
        conftest=CONFTEST
        + """
    import requests
    from services import note

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call():
        note(f"before: {requests.get('http://front:5000/careless').text}")
        yield
        note(f"after: {requests.get('http://front:5000/careless').text}")
    """
    )
    ran = suite.run(CAREFUL)
    assert ran.outcomes["passed"] == 1
    assert ran.count("before: data") == ran.count("after: data") == RUNS
