"""The services and settings of marked tests."""

from __future__ import annotations

import pytest

from tests.support import suites
from tests.support.suites import CAREFUL, RUNS, WRONG_CONFTEST, Suite

suite, few_plugins, all_plugins = suites.suite, suites.few_plugins, suites.all_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")


@pytest.mark.slow
def test_services_fixture_may_use_others(suite: Suite) -> None:
    """And the network."""
    suite.write(
        conftest="""
            import pytest
            import requests
            from services import back, front, note

            @pytest.fixture
            def filibuster_services(request, tmp_path):
                with pytest.raises(requests.ConnectionError):
                    requests.get("http://127.0.0.1:1/careful", timeout=1)
                note(f"services of {request.node.name}")
                return {"http://front:5000": front, "http://back:5001": back}
        """
    )
    ran = suite.run(CAREFUL)
    assert ran.outcomes["passed"] == 1
    assert ran.count("services of test_page") == RUNS


@pytest.mark.parametrize(
    ("services", "complaint"),
    [
        pytest.param("[front]", "it must return a dict of apps by base URL", id="a list"),
        pytest.param("{'front': front}", "'front' in services=… is not a base URL", id="no URL"),
        pytest.param("{'http://front': 1}", "it must be a WSGI app", id="no app"),
        pytest.param("1 / 0", "ZeroDivisionError: division by zero", id="an error of its own"),
    ],
)
def test_unusable_services_are_set_up_errors(suite: Suite, services: str, complaint: str) -> None:
    suite.write(
        conftest=f"""
            import pytest
            from services import front

            @pytest.fixture
            def filibuster_services():
                return {services}
        """
    )
    ran = suite.run(CAREFUL)
    assert ran.code == 1
    assert ran.outcomes["error"] == 1
    assert complaint in ran.output
    assert "pytest_runner.py:" not in ran.output or "ZeroDivision" in complaint
    assert ran.notes == []


@pytest.mark.slow
def test_wrong_configuration_fails_set_up(suite: Suite) -> None:
    suite.write(conftest=WRONG_CONFTEST)
    ran = suite.run(CAREFUL)
    assert ran.outcomes["error"] == 1
    assert "cannot read the analysis file nowhere.json" in ran.output
    assert "direct cause" not in ran.output  # It would be the same message again.
    assert "Traceback" not in ran.output
