"""pytest-timeout: a limit for each execution; a hang is a bug."""

from __future__ import annotations

from tests.support import plugins
from tests.support.cases import in_earnest
from tests.support.forms.plugins import HANGING
from tests.support.plugins import Beside

beside = plugins.beside

OTHERS = """
    def swallowing():
        try:
            return hanging()
        except:
            return None

    def test_swallowed():
        assert status(swallowing) == 200

    def test_careful_and_slow():
        time.sleep(0.2)  # With all its executions, longer than the limit.
        assert status(careful) == 200

    @pytest.mark.timeout(0.8, func_only=True)
    def test_body_only():
        time.sleep(0.05)
        assert status(hanging) == 200

    def test_hangs_without_faults():
        note("body")
        threading.Event().wait()

    def test_ended_by_the_test():
        def failing():
            try:
                return careless()
            except Exception:
                pytest.fail("from within")
        assert status(failing) == 200
"""


@in_earnest
class TestSignals:
    def test_a_hang_is_a_bug(self, beside: Beside) -> None:
        ran = beside.run(HANGING + OTHERS, "--timeout=0.8", plugins="pytest_timeout")
        summary = dict(line.split("::")[1].split(": ", 1) for line in ran.summary if "::" in line)
        found, nothing = "6 executions: 1 bug", "6 executions: nothing found"
        assert summary.pop("test_hangs") == found
        assert summary.pop("test_swallowed") == found
        assert summary.pop("test_body_only") == found
        assert summary.pop("test_careful_and_slow") == nothing
        assert summary.pop("test_ended_by_the_test") == found
        assert summary == {}
        assert ran.output.count("hangs: Timeout (>0.8s) from pytest-timeout.") == 3
        assert "raises ConnectionError\nshown by 1 of 6 executions\nreplay: pytest" in ran.output
        assert "Unhandled" not in ran.output
        assert (ran.count("body"), ran.output.count("no fault injected")) == (1, 1)
        assert "did not end in time" not in ran.output
        again = beside.again(*ran.replay, "--timeout=0.8", plugins="pytest_timeout")
        assert "reproduced: hangs: Timeout (>0.8s) from pytest-timeout." in again.output


@in_earnest
class TestThreads:
    def test_the_end_is_told(self, beside: Beside) -> None:
        arguments = ("--timeout=2", "--timeout-method=thread")
        ran = beside.elsewhere(HANGING, *arguments, plugins="pytest_timeout")
        assert ran.code == 1
        assert ran.saw(
            "test_it.py::test_hangs: hangs, longer than the limit of pytest-timeout",
            "with this fault:",
            "  shop -> weather.test: GET http://weather.test/today",
        )
        assert "The exploration ends here" in ran.output
        assert "--timeout-method=signal" in ran.output
        assert ran.replay[0] == "test_it.py::test_hangs"

    def test_careful_services_never_end(self, beside: Beside) -> None:
        source = HANGING.replace(
            "assert status(hanging)", "time.sleep(0.5); assert status(careful)"
        )
        arguments = ("--timeout=3", "--timeout-method=thread", "--filibuster-faults=quick")
        # In a process of its own, as the method ends the process.
        ran = beside.elsewhere(source, *arguments, plugins="pytest_timeout")
        assert ran.summary == ["test_it.py::test_hangs: 6 executions: nothing found"]
