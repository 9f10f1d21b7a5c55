"""What marks and our options say."""

from __future__ import annotations

import re

import pytest

from tests.support import suites
from tests.support.cases import sample
from tests.support.suites import (
    CAREFUL,
    CARELESS,
    CONFTEST,
    EXECUTIONS,
    RUNS,
    WRONG_CONFTEST,
    Suite,
)

suite, few_plugins, all_plugins = suites.suite, suites.few_plugins, suites.all_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")


# --- our options ----------------------------------------------------------------------------------


def test_no_filibuster_runs_without_faults(suite: Suite) -> None:
    ran = suite.run(CARELESS, "--no-filibuster")
    assert ran.outcomes == {"passed": 1}
    assert ran.notes == ["body", "back was reached"]
    assert ran.summary == []


@pytest.mark.slow
def test_no_filibuster_needs_no_fault_model(suite: Suite) -> None:
    suite.write(conftest=WRONG_CONFTEST)
    assert suite.run(CAREFUL, "--no-filibuster").outcomes == {"passed": 1}


LIMITED = """
    import pytest
    import requests
    from services import front, note

    {config}

    @pytest.mark.filibuster{arguments}
    def test_page():
        note("body")
        requests.get("http://front:5000/careful")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "arguments", "options", "executions", "runs"),
    sample(
        [
            pytest.param("", "", [], EXECUTIONS, RUNS, id="no limit"),
            pytest.param(
                "front.config['FILIBUSTER_MAX_EXECUTIONS'] = 3", "", [], 3, 4, id="config"
            ),
            pytest.param(
                "front.config['FILIBUSTER_MAX_EXECUTIONS'] = 3",
                "(max_executions=2)",
                [],
                2,
                3,
                id="mark over config",
            ),
            pytest.param(
                "front.config['FILIBUSTER_MAX_EXECUTIONS'] = 3",
                "(max_executions=2)",
                ["--filibuster-max-executions=4"],
                4,
                5,
                id="option over mark",
            ),
            pytest.param(
                "front.config['FILIBUSTER_CHECK_DETERMINISM'] = False",
                "",
                [],
                EXECUTIONS,
                EXECUTIONS,
                id="not twice, by config",
            ),
            pytest.param(
                "front.config['FILIBUSTER_CHECK_DETERMINISM'] = False",
                "(check_determinism=True)",
                [],
                EXECUTIONS,
                RUNS,
                id="twice, by mark over config",
            ),
        ]
    ),
)
def test_options_then_mark_then_configuration(
    suite: Suite, config: str, arguments: str, options: list[str], executions: int, runs: int
) -> None:
    ran = suite.run(LIMITED.format(config=config, arguments=arguments), *options)
    assert ran.outcomes["passed"] == 1
    assert ran.count("body") == runs
    counts = "1 execution" if executions == 1 else f"{executions} executions"
    assert re.match(rf"test_it\.py::test_page: {counts}[,:]", ran.summary[0])


TWICE = """
    import pytest
    import requests
    from flask_filibuster import FaultModel

    FAULTS = FaultModel(exceptions=["ConnectionError"], default_statuses=())
"""
CHOOSING = """
    @pytest.mark.filibuster({arguments})
    def test_{name}():
        requests.get("http://front:5000/constant")
        requests.get("http://front:5000/constant?again")
"""
LIMITED_TO_ONE = "3 executions, at least 1 not run (max_faults)"


@pytest.mark.slow
def test_marks_choose_faults(suite: Suite) -> None:
    chosen = {
        "default": ("faults=FAULTS", "3 executions, 1 pruned"),
        "exact": ("faults=FAULTS, reduction='exact'", "3 executions, 1 pruned"),
        "mark": ("faults=FAULTS, reduction='none'", "4 executions"),
        "max_faults": ("faults=FAULTS, reduction='none', max_faults=1", LIMITED_TO_ONE),
    }
    tests = [
        CHOOSING.format(name=name, arguments=arguments) for name, (arguments, _) in chosen.items()
    ]
    ran = suite.run(TWICE + "".join(tests))
    assert ran.summary == [
        f"test_it.py::test_{name}: {counts}: nothing found" for name, (_, counts) in chosen.items()
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "option", "counts"),
    [
        pytest.param("", "--filibuster-reduction=none", "4 executions", id="reduction"),
        pytest.param(
            ", reduction='none'", "--filibuster-max-faults=1", LIMITED_TO_ONE, id="max_faults"
        ),
    ],
)
def test_options_choose_faults(suite: Suite, arguments: str, option: str, counts: str) -> None:
    test = CHOOSING.format(name="page", arguments=f"faults=FAULTS{arguments}")
    ran = suite.run(TWICE + test, option)
    assert ran.summary == [f"test_it.py::test_page: {counts}: nothing found"]


MISTAKES = {
    # A module each, and the complaint of it.
    "unknown": ("max=1", "the filibuster mark does not accept max;"),
    "positional": ("3", "the filibuster mark does not accept 3;"),
    "zero": ("max_faults=0", "max_faults is 0; it must be a whole number"),
    "text": ("max_executions='9'", "max_executions is '9'; it must be"),
    "name": (
        "reduction='all'",
        "reduction is 'all'; it must be 'equivalence' or 'exact' or 'none'",
    ),
    "faults": ("faults=[500]", "faults is [500]; it must be a FaultModel"),
}


def test_mistakes_of_marks_fail_collection(suite: Suite) -> None:
    source = """
        import pytest

        pytestmark = pytest.mark.filibuster({arguments})

        def test_one(): pass

        class TestMore:
            def test_two(self): pass
        """
    suite.write(
        **{
            f"test_{name}": source.format(arguments=arguments)
            for name, (arguments, _) in MISTAKES.items()
        }
    )
    ran = suite.again()
    assert ran.code == pytest.ExitCode.INTERRUPTED
    assert f"collected 0 items / {len(MISTAKES)} errors" in ran.output
    output = ran.output.replace("the filibuster mark: ", "")
    for name, (_, complaint) in MISTAKES.items():
        assert f"test_{name}.py::test_one: {complaint}" in output
    assert "Traceback" not in ran.output
    assert "INTERNALERROR" not in ran.output


@pytest.mark.slow
def test_marks_may_come_after_collection(suite: Suite) -> None:
    conftest = (
        CONFTEST
        + """
    def pytest_collection_modifyitems(items):
        for item in items:
            item.add_marker(pytest.mark.filibuster(max_executions=2))
    """
    )
    suite.write(conftest=conftest)
    source = CAREFUL.replace("@pytest.mark.filibuster", "")
    assert suite.run(source).count("body") == 3
    suite.write(conftest=conftest.replace("max_executions=", "max="))
    ran = suite.run(source)
    assert ran.outcomes["error"] == 1
    assert "the filibuster mark does not accept max" in ran.output


@pytest.mark.parametrize(
    "option",
    [
        "--filibuster-max-faults=0",
        "--filibuster-max-executions=-1",
        "--filibuster-max-faults=many",
        "--filibuster-reduction=all",
    ],
)
def test_mistake_of_an_option(suite: Suite, option: str) -> None:
    ran = suite.run(CAREFUL, option)
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    name, _, value = option.partition("=")
    assert f"argument {name}: " in ran.errors
    assert repr(value) in ran.errors
    assert "a whole number from 1" in ran.errors or "'equivalence' or 'exact'" in ran.errors


def test_help_has_our_section(suite: Suite) -> None:
    ran = suite.again("--help")
    assert "fault injection for tests marked with filibuster" in ran.output
    for name in ("reduction", "max-faults", "max-executions", "replay"):
        assert f"--filibuster-{name}" in ran.output
    assert "--no-filibuster" in ran.output


def test_mark_and_fixtures_are_listed(suite: Suite) -> None:
    marks = suite.again("--markers")
    assert "@pytest.mark.filibuster(reduction=None, max_faults=None" in marks.output
    fixtures = suite.again("--fixtures")
    assert re.search(r"^filibuster -- .*pytest_plugin", fixtures.output, re.MULTILINE)
    assert "The services of marked tests: Flask apps by base URL." in fixtures.output


@pytest.mark.usefixtures("all_plugins")
@pytest.mark.slow
def test_mark_needs_the_plugin(suite: Suite) -> None:
    suite.write(test_it=CAREFUL)
    ran = suite.elsewhere("-p", "no:filibuster")
    assert ran.code == pytest.ExitCode.INTERRUPTED
    assert "'filibuster' not found in `markers`" in ran.output


# --- what a test may ask --------------------------------------------------------------------------


@pytest.mark.slow
def test_tests_may_ask_what_is_injected(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests
        from flask_filibuster import was_fault_injected, was_fault_injected_on
        from services import note

        @pytest.mark.filibuster
        def test_page(filibuster):
            requests.get("http://front:5000/careful")
            note(f"{[str(each.fault) for each in filibuster.faults]}")
            answers = {
                filibuster.fault_injected,
                filibuster.fault_injected_on("back"),
                was_fault_injected(),
                was_fault_injected_on("back"),
                len(filibuster.faults) == 1,
            }
            assert len(answers) == 1
            assert not filibuster.fault_injected_on("front")
            note(f"{answers}")

        def test_no_mark(filibuster):
            assert not filibuster.fault_injected
            assert not filibuster.fault_injected_on("back")
            assert len(filibuster.faults) == 0
            assert not was_fault_injected()
        """
    )
    assert ran.outcomes["passed"] == 2
    assert ran.count("{False}") == 2
    assert ran.count("{True}") == 3
    for fault in ("raises ConnectionError", "raises Timeout", "answers 500 Internal Server Error"):
        assert ran.count(f"['{fault}']") == 1


@pytest.mark.slow
def test_question_about_unreached_service(suite: Suite) -> None:
    ran = suite.run(
        CAREFUL.replace("def test_page():", "def test_page(filibuster):").replace(
            'note("body")', 'filibuster.fault_injected_on("bakc")'
        )
    )
    assert "was_fault_injected_on('bakc') names a service that no call reached" in ran.summary[1]
    assert "reached: back, front" in ran.summary[1]
