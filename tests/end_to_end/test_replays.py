"""What was found among processes is replayed, also under load."""

from __future__ import annotations

import json
import re

import pytest

from flask_filibuster import FaultModel
from tests.support import processes
from tests.support.cases import in_earnest
from tests.support.embedded import program
from tests.support.processes import COMMAND, SERVICES, Project

project = processes.project


# --- replay ---------------------------------------------------------------------------------------


def replay_of(output: str) -> list[str]:
    found = re.search(r"replay: flask filibuster (replay \S+)", output)
    assert found is not None, output
    return found[1].split()


@pytest.mark.slow
def test_command_is_replayed_until_fixed(project: Project) -> None:
    done = project.test(*project.command("/careless"))
    assert done.returncode == 1
    assert "exit code 1: answered 500" in done.stdout
    assert "raises Timeout" in done.stdout
    replay = replay_of(done.stdout)
    # The port of the exploration's own server was any; so is that of the replay's.
    again = project.flask(*replay)
    assert again.returncode == 1, again.stdout + again.stderr
    assert "reproduced: exit code 1: answered 500" in again.stdout

    fixed = SERVICES.replace("requests.ConnectionError", "requests.RequestException")
    project.write("services.py", fixed)
    survived = project.flask(*replay)
    assert survived.returncode == 0, survived.stdout + survived.stderr
    assert "not reproduced: the command succeeds (recorded: exit code 1" in survived.stdout
    project.nothing_is_left()


@in_earnest
@pytest.mark.slow
def test_command_without_its_call(project: Project) -> None:
    replay = replay_of(project.test(*project.command("/careless")).stdout)
    project.write("services.py", SERVICES.replace('/data", timeout', '/data?now", timeout'))
    elsewhere = project.flask(*replay)
    assert elsewhere.returncode == 2
    assert "not reproduced: the faults could not be injected" in elsewhere.stdout
    assert "the call was not made: front -> back" in elsewhere.stdout


@in_earnest
@pytest.mark.slow
def test_marked_test_is_replayed_among_processes(project: Project) -> None:
    with project.serving():
        told = {"FILIBUSTER_SERVER_URL": project.server_url}
        with project.services():
            assert project.pytest(**told).returncode == 1
            # The other one is about statuses, which the service hands on.
            (file,) = (each for each in project.counterexamples() if "Timeout" in each.read_text())
            again = project.flask("replay", str(file), **told)
            assert again.returncode == 1, again.stdout + again.stderr
            assert "reproduced: AssertionError: assert 500 == 200" in again.stdout
        fixed = SERVICES.replace("requests.ConnectionError", "requests.RequestException")
        project.write("services.py", fixed)
        with project.services():
            survived = project.flask("replay", str(file), **told)
    assert survived.returncode == 0, survived.stdout + survived.stderr
    assert "not reproduced: the test passes (recorded: AssertionError" in survived.stdout


@in_earnest
@pytest.mark.slow
def test_a_command_is_replayed_under_load(project: Project) -> None:
    done = project.test("--max-faults", "1", *project.command("/careless"))
    replay = (*replay_of(done.stdout), "--load", "10", "--concurrency", "2")
    loaded = project.flask(*replay)
    assert loaded.returncode == 1, loaded.stdout + loaded.stderr
    assert re.search(r"10 executions, 2 at a time: [\d.]+ s, [\d.]+/s\n", loaded.stdout)
    assert re.search(r"latency: p50 \S+ m?s, p90 \S+ m?s, p99 \S+ m?s, max ", loaded.stdout)
    assert "failures: 10 of 10\n" in loaded.stdout
    assert "10 times: exit code 1: answered 500" in loaded.stdout
    fixed = SERVICES.replace("requests.ConnectionError", "requests.RequestException")
    project.write("services.py", fixed)
    well = project.flask(*replay, "--max-latency", "30")
    assert well.returncode == 0, well.stdout + well.stderr
    assert "failures: 0 of 10\nslower than 30.00 s: 0 of 10\n" in well.stdout
    slow = project.flask(*replay, "--max-latency", "0.001")
    assert slow.returncode == 1
    assert "slower than 1.0 ms: 10 of 10\n" in slow.stdout


LOADED = program("counting.py")


@pytest.mark.slow
def test_request_is_replayed_under_load(project: Project) -> None:
    project.write("app.py", LOADED)
    found = project.flask("explore", "/page")
    assert found.returncode == 1
    replay = replay_of(found.stdout)
    for more, code in ((["--max-latency", "30"], 1), (["--max-latency", "0.000001"], 1)):
        done = project.flask(*replay, "--load", "10", "--concurrency", "2", *more)
        assert done.returncode == code
        assert "10 executions, 2 at a time: " in done.stdout
        assert "failures: 10 of 10\n" in done.stdout
    assert "slower than 0.0 ms: 10 of 10\n" in done.stdout
    project.write("app.py", LOADED.replace("ConnectionError", "RequestException"))
    well = project.flask(*replay, "--load", "10", "--concurrency", "2", "--max-latency", "30")
    assert well.returncode == 0, well.stdout + well.stderr
    assert "failures: 0 of 10\nslower than 30.00 s: 0 of 10\n" in well.stdout
    slow = project.flask(*replay, "--load", "10", "--max-latency", "0.000001")
    assert slow.returncode == 1
    alone = project.flask(*replay, "--concurrency", "2")
    assert alone.returncode == 2
    assert "--concurrency and --max-latency require --load" in alone.stderr


# --- slow callees ---------------------------------------------------------------------------------

SLOW = SERVICES.replace("timeout=5", "timeout=0.2").replace(
    'return "data"',
    """with open("worked", "a") as file:
            print("worked", file=file)
        return "data"
""",
)

CLOCKED = (
    COMMAND.replace("import socket", "import socket\nimport time")
    .replace(
        "\nstatus = ",
        """
with open("took", "a") as file:
    print(time.monotonic() - began, file=file)
status = """,
    )
    .replace("front.sendall", "began = time.monotonic()\nfront.sendall")
)


@in_earnest
@pytest.mark.slow
def test_held_callee_works_unheard(
    project: Project,
) -> None:
    """It is held past the timeout, and its answer is lost."""
    project.write("services.py", SLOW)
    project.write("check.py", CLOCKED)
    analysis = FaultModel.held(lost=True).to_analysis()
    project.write("analysis.json", json.dumps(analysis))
    done = project.test("--analysis-file", "analysis.json", *project.command("/careless"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 executions" in done.stdout
    assert "exit code 1: answered 500" in done.stdout
    assert "raises Timeout" in done.stdout
    quick, repeated, slow = map(float, (project.path / "took").read_text().split())
    assert max(quick, repeated) < slow
    assert slow >= 0.2, "the caller has waited for as long as it says"
    assert (project.path / "worked").read_text().count("worked") == 3
    again = project.flask(*replay_of(done.stdout))
    assert again.returncode == 1
    assert (project.path / "worked").read_text().count("worked") == 4
