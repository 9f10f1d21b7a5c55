"""Services as processes of their own, on sockets: what they serve, and what serves them."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

import flask_filibuster
from tests.support import processes
from tests.support.cases import in_earnest, only_in_earnest
from tests.support.embedded import program
from tests.support.foreign import ForeignServer, Sent, foreign_server
from tests.support.processes import Project, needs_installed

project = processes.project


ROOT = Path(__file__).parents[2]


# --- a test that is written once ------------------------------------------------------------------

ONCE_CONFTEST = """
    import os
    import pytest
    from services import BACK, create_back, create_front

    @pytest.fixture
    def filibuster_services():
        if "EMBEDDED" not in os.environ:
            return {}
        front = f"http://127.0.0.1:{os.environ['FRONT_PORT']}"
        return {front: create_front(), BACK: create_back()}
"""


def other_project(foreign: ForeignServer) -> Callable[[Sent], tuple[int, bytes] | None]:
    """What makes a server plan two executions, and let the call of the second time out."""
    timeout = {"name": "requests.exceptions.Timeout", "metadata": {}}
    state = {"number": 0}

    def answers(sent: Sent) -> tuple[int, bytes] | None:
        asked = re.match(r"/filibuster/has-next-iteration/(\d+)", sent.path)
        if asked:
            state["number"] = int(asked[1])
            return 200, json.dumps({"has-next-iteration": state["number"] <= 2}).encode()
        if sent.path == "/filibuster/create" and state["number"] == 2:
            foreign.decisions.append({"forced_exception": timeout})
        return None

    return answers


@in_earnest
@pytest.mark.slow
def test_one_test_fits_every_server(
    project: Project,
) -> None:
    """In the mesh, and with servers of two projects."""
    project.write("conftest.py", ONCE_CONFTEST)
    embedded = project.pytest(EMBEDDED="yes")
    with project.serving(), project.services():
        served = project.pytest("--filibuster-server", project.server_url)
    for done in (embedded, served):
        assert done.returncode == 1
        assert ">       assert answer.status_code == 200" in done.stdout
        assert f"front -> back: GET http://127.0.0.1:{project.back}/data" in done.stdout
        assert "raises Timeout" in done.stdout
        assert "replay: pytest" in done.stdout
    with foreign_server() as foreign:
        foreign.answers = other_project(foreign)
        with project.services(FILIBUSTER_SERVER_URL=foreign.url):
            elsewhere = project.pytest("--filibuster-server", foreign.url)
            careful = project.pytest("--filibuster-server", foreign.url, CHECKED="careful")
    assert elsewhere.returncode == 1
    assert ">       assert answer.status_code == 200" in elsewhere.stdout
    assert "of the server at" in elsewhere.stdout
    assert "shown by 1 of 2 executions" in elsewhere.stdout
    assert careful.returncode == 0
    assert "2 executions: nothing found" in careful.stdout
    assert "belongs to another project and reports neither faults nor calls" in careful.stdout
    verdicts = [each.path for each in foreign.told if "/complete-iteration/" in each.path]
    assert [path.partition("exception/")[2] for path in verdicts] == ["0", "1", "0", "0"]


# --- commands that ask about the faults -----------------------------------------------------------

ASKING = program("asking.py")


@in_earnest
@pytest.mark.slow
def test_commands_ask_through_their_environment(project: Project) -> None:
    project.write("asking.py", ASKING)
    done = project.test("--json", *project.command(script="asking.py", packages=True))
    assert done.returncode == 0, done.stdout + done.stderr
    data = json.loads(done.stdout)
    assert data["executed"] > 3
    lines = (project.path / "asked").read_text().splitlines()
    asked = [json.loads(line) for line in lines]
    fault_free, *others = data["executions"]
    runs = [fault_free, fault_free, *others]  # The fault-free one is repeated.
    assert asked == [
        [
            str(number),
            "default" if each["faults"] else "data",
            [bool(each["faults"]), bool(each["faults"]), False],
        ]
        for number, each in enumerate(runs, start=1)
    ]


# --- other servers --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "server",
    [pytest.param("gunicorn", marks=only_in_earnest), "gunicorn -k gevent", "waitress"],
)
def test_services_start_under_real_servers(project: Project, server: str) -> None:
    needs_installed(*server.split(" -k "))
    started = []
    for name, port in (("front", project.front), ("back", project.back)):
        if server.startswith("gunicorn"):
            options = [
                *server.split()[1:],
                "-w",
                "2",
                "-b",
                f"127.0.0.1:{port}",
                f"services:create_{name}()",
            ]
            command = [sys.executable, "-m", "gunicorn", *options]
        else:
            options = ["--listen", f"127.0.0.1:{port}", "--call", f"services:create_{name}"]
            command = [sys.executable, "-m", "waitress", *options]
        started += ["--start", shlex.join(command)]
    found = project.flask(
        *("test", "--port", "0", *started, *project.command("/careless")),
        PYTHONPATH=f"{ROOT}{os.pathsep}{project.path}",
    )
    assert found.returncode == 1, found.stdout + found.stderr
    assert "exit code 1: answered 500" in found.stdout
    assert "raises Timeout" in found.stdout
    project.nothing_is_left()


@pytest.mark.slow
def test_greenlets_of_gunicorn_take_part(project: Project) -> None:
    needs_installed("gunicorn", "gevent")
    started = []
    for name, port in (("front", project.front), ("back", project.back)):
        command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-b", f"127.0.0.1:{port}"]
        started += ["--start", shlex.join([*command, f"services:create_{name}()"])]
    found = project.flask(
        *("test", "--port", "0", "--json", *started, *project.command("/greenlets")),
        PYTHONPATH=f"{ROOT}{os.pathsep}{project.path}",
    )
    assert found.returncode == 1, found.stdout + found.stderr
    report = json.loads(found.stdout)
    assert report["generated"] == 6**3  # Three calls, each of which can fail in five ways.
    assert report["verdict"] == "3 bugs"
    assert not report["gaps"]
    project.nothing_is_left()


# --- serve and status -----------------------------------------------------------------------------


@contextmanager
def taken(answer: bytes = b"") -> Iterator[int]:
    """A port that somebody listens on, who answers every connection with these bytes."""
    with foreign_server() as foreign:
        foreign.answers = lambda _: (200, answer)
        yield urlsplit(foreign.url).port or 0


@pytest.mark.slow
def test_taken_port_exits_with_2(project: Project) -> None:
    with taken() as port:
        for arguments in (["serve"], ["test", *project.command()]):
            done = project.flask(arguments[0], "--port", str(port), *arguments[1:])
            assert done.returncode == 2
            said = f"port {port} of 127.0.0.1 is taken; choose another one with --port"
            assert said in done.stderr
            assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_public_server_is_warned_of(project: Project) -> None:
    with project.serving("--host", "0.0.0.0") as server:
        server.says("warning: any client that reaches 0.0.0.0 can make the services fail")
        assert requests.get(f"{project.server_url}/health-check", timeout=30).ok
    with project.serving() as server:
        assert "warning" not in server.output


@in_earnest
@pytest.mark.slow
def test_status_identifies_the_server(project: Project) -> None:
    def status(port: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flask", "--app", "services:create_front()"]
        told = f"http://127.0.0.1:{port}"
        return project.run([*command, "filibuster", "status"], FILIBUSTER_SERVER_URL=told)

    with project.serving():
        there = status(project.server)
    assert there.returncode == 0
    assert re.search(r"^  reachable: +yes$", there.stdout, re.MULTILINE)
    version = re.escape(flask_filibuster.__version__)
    assert re.search(rf"^  product: +Flask-Filibuster {version}$", there.stdout, re.MULTILINE)
    away = status(project.server)
    assert away.returncode == 1
    assert re.search(r"^  reachable: +no$", away.stdout, re.MULTILINE)
    assert f"the Filibuster server at {project.server_url} cannot be reached" in away.stdout
    with taken(b'{"hello": "world"}') as port:
        other = status(port)
    assert other.returncode == 1
    assert f"the server at http://127.0.0.1:{port} is not a Filibuster server" in other.stdout
    for done in (there, away, other):
        assert "Traceback" not in done.stdout + done.stderr
