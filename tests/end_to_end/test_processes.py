"""Services as processes of their own, on sockets: what they show is what the mesh shows.

What else takes real processes is here, too: commands that ask about the faults, what replays them,
and the servers that people run Flask apps with.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

import flask_filibuster
from flask_filibuster import FaultModel, explore
from flask_filibuster.protocol.records import write_planned
from flask_filibuster.report.data import result_data
from flask_filibuster.results.result import Result
from tests.support import served_shapes, shapes
from tests.support.cases import only_in_earnest
from tests.support.embedded import program
from tests.support.foreign import ForeignServer, Sent, foreign_server
from tests.support.ports import ports
from tests.support.processes import (
    COMMAND,
    SERVICES,
    Project,
    listens,
    needs_installed,
    running,
    wait_until,
)
from tests.support.shapes import COUNTED as REQUESTS

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
WIDTH = 4
"""How many ports a shape needs."""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with ports(Project.PORTS) as first:
        yield Project(tmp_path, first)


def test_ports_are_given_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with ports(3) as first:
        monkeypatch.setattr("tests.support.ports.BLOCKS", [first - 1])
        with pytest.raises(AssertionError, match="no free ports"), ports(3):
            pass


# --- the same as the mesh -------------------------------------------------------------------------

LAUNCHER = program("launching.py")

SHAPES_CONFTEST = program("shapes_conftest.py")

SHAPES_TEST = program("marked_shapes.py")

SHAPES = pytest.mark.parametrize("shape", REQUESTS)


@pytest.fixture
def shape_port() -> Iterator[int]:
    """The first of the ports of a shape."""
    with ports(WIDTH) as first:
        yield first


STARTED_SHAPES = [
    "chain",
    pytest.param("two_required_calls", marks=only_in_earnest),
    pytest.param("retry_in_the_middle", marks=only_in_earnest),
]


class Shapes(Project):
    """All services of all shapes as processes, with a server that they are told of.

    :ivar first: the first port of each shape.
    """

    PORTS = Project.PORTS + WIDTH * len(REQUESTS)

    def __init__(self, path: Path, first_port: int) -> None:
        super().__init__(path, first_port)
        first = first_port + Project.PORTS
        self.first = {shape: first + WIDTH * number for number, shape in enumerate(REQUESTS)}
        self.write("launcher.py", LAUNCHER)
        self.write("conftest.py", SHAPES_CONFTEST)
        self.write("test_it.py", SHAPES_TEST)

    @property
    def environ(self) -> dict[str, str]:
        return super().environ | {"FIRST_PORTS": json.dumps(self.first)}

    @contextmanager
    def all_services(self) -> Iterator[None]:
        command = [sys.executable, str(self.path / "launcher.py"), json.dumps(self.first)]
        told = {"FILIBUSTER_SERVER_URL": self.server_url}
        with running(command, self.path, self.environ | told) as launcher:
            launcher.says("started")
            for shape, first in self.first.items():
                for url in shapes_at(shape, first):
                    port = urlsplit(url).port or 0
                    wait_until(functools.partial(listens, port), f"{shape} at {url}")
            yield
            assert launcher.process.poll() is None, launcher.output


def shapes_at(shape: str, first: int) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(shapes.FIRST_PORT, str(first))
        return dict(served_shapes.named(shape))


class Explored:
    """What a run of the suite over all shapes has shown.

    :ivar code: pytest's exit code.
    :ivar executions: faults and verdict of each execution, in order, by shape.
    :ivar summary: what is said at the end.
    :ivar counterexamples: the faults of each counterexample, by file name.
    """

    def __init__(self, project: Project, notes: str, arguments: list[str], **more: object) -> None:
        file = project.path / notes
        done = project.pytest("-q", *arguments, NOTES=file, **more)
        self.code, self.output = done.returncode, done.stdout
        self.executions: dict[str, list[Any]] = {}
        for line in file.read_text().splitlines():
            shape, *execution = json.loads(line)
            self.executions.setdefault(shape, []).append(execution)
        section = done.stdout.partition("= filibuster =")[2]
        self.summary = re.findall(r"^test_it\.py::.*$", section, re.MULTILINE)
        self.counterexamples = {}
        for each in project.counterexamples():
            content = json.loads(each.read_text())
            self.counterexamples[each.name] = content["test"], content["faults"]
            each.unlink()

    def failures(self, shape: str) -> list[Any]:
        """The fault sets of the counterexamples of a shape."""
        ours = (one for one in self.counterexamples.values() if one[0].endswith(f"[{shape}]"))
        return [faults for _, faults in ours]


class Runs:
    """The suite over all shapes, run in the mesh and among processes."""

    def __init__(self, project: Shapes) -> None:
        self.project = project
        self.embedded = Explored(project, "embedded", [], EMBEDDED="yes")
        with project.serving(), project.all_services():
            told = [f"--filibuster-server={project.server_url}"]
            self.by_option = Explored(project, "option", told)
            self.by_environment = Explored(
                project, "environment", ["-k", "chain"], FILIBUSTER_SERVER_URL=project.server_url
            )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with ports(Shapes.PORTS) as first:
        yield Runs(Shapes(tmp_path_factory.mktemp("shapes"), first))


def meshed(shape: str, first: int, *, check_determinism: bool) -> Result:
    """What the mesh shows, at the same URLs."""

    def test() -> None:
        assert requests.get(shapes.at(REQUESTS[shape]), timeout=30).status_code == 200

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(shapes.FIRST_PORT, str(first))
        return explore(
            test,
            served_shapes.named(shape),
            shapes.FAULTS[shape],
            check_determinism=check_determinism,
        )


def executions_of(result: Result) -> list[Any]:
    return [
        [[[str(each.index), str(each.fault)] for each in execution.faults], execution.verdict]
        for execution in result.executions
    ]


@pytest.mark.slow
@SHAPES
def test_processes_are_explored_like_the_mesh(runs: Runs, shape: str) -> None:
    in_mesh = meshed(shape, runs.project.first[shape], check_determinism=False)
    expected = executions_of(in_mesh)
    assert runs.embedded.executions[shape] == expected
    assert runs.by_option.executions[shape] == expected
    failures = [[write_planned(each) for each in one.faults] for one in in_mesh.failures]
    by_text = functools.partial(sorted, key=json.dumps)
    for run in (runs.embedded, runs.by_option):
        assert by_text(run.failures(shape)) == by_text(failures)
    counts = f"{len(expected)} executions"
    if in_mesh.pruned:
        counts += f", {len(in_mesh.pruned)} pruned"
    (said,) = (line for line in runs.by_option.summary if f"[{shape}]" in line)
    assert said.startswith(f"test_it.py::test_page[{shape}]: {counts}: ")


@pytest.mark.slow
def test_pytest_reports_are_the_same(runs: Runs) -> None:
    assert runs.by_option.summary == runs.embedded.summary
    assert runs.by_option.counterexamples == runs.embedded.counterexamples
    assert runs.by_option.counterexamples
    assert runs.by_option.code == runs.embedded.code == 1


@pytest.mark.slow
def test_environment_names_the_server(runs: Runs) -> None:
    for shape in ("chain", "chain_with_retry"):
        assert runs.by_environment.executions[shape] == runs.by_option.executions[shape]
    chains = [line for line in runs.by_option.summary if "[chain" in line]
    assert runs.by_environment.summary == chains


SHAPE_COMMAND = """
    import http.client
    import sys
    from urllib.parse import urlsplit

    url = urlsplit(sys.argv[1])
    connection = http.client.HTTPConnection(url.netloc, timeout=30)
    connection.request("GET", url.path)
    sys.exit(0 if connection.getresponse().status == 200 else 1)
"""


def without_words(data: dict[str, Any]) -> dict[str, Any]:
    """A result without what each kind of test puts in its own words."""
    data = json.loads(json.dumps(data))
    data.pop("subject")
    for each in (*data["executions"], *data["failures"], *data["findings"], *data["bugs"]):
        each.pop("error", None)
        each.pop("replay", None)
        for symptom in each.get("symptoms", ()):
            if symptom["kind"] == "the test fails":
                symptom.pop("message")
    return data


@pytest.mark.slow
@pytest.mark.parametrize("shape", STARTED_SHAPES)
def test_command_explores_like_the_mesh(project: Project, shape: str, shape_port: int) -> None:
    project.write("shape.py", SHAPE_COMMAND)
    analysis = shapes.FAULTS[shape].to_analysis()
    project.write("analysis.json", json.dumps(analysis))
    started = []
    for url, app in shapes_at(shape, shape_port).items():
        create = f"tests.support.served_shapes:create_app('{shape}','{app.name}')"
        port = url.rpartition(":")[2]
        command = [sys.executable, "-m", "flask", "--app", create, "run", "-p", port]
        started += ["--start", shlex.join(command)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(shapes.FIRST_PORT, str(shape_port))
        url = shapes.at(REQUESTS[shape])
    done = project.flask(
        *("test", "--port", "0", "--json", "--analysis-file", "analysis.json", *started),
        *("--", sys.executable, str(project.path / "shape.py"), url),
        SHAPES_FIRST_PORT=shape_port,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    data, in_mesh = json.loads(done.stdout), meshed(shape, shape_port, check_determinism=True)
    assert without_words(data) == without_words(result_data(in_mesh, {}))
    for failure, meant in zip(data["failures"], in_mesh.failures, strict=True):
        file = project.path / failure["replay"].split()[-1]
        content = json.loads(file.read_text())
        assert content["faults"] == [write_planned(each) for each in meant.faults]


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

    project.write("services.py", SERVICES.replace('/data", timeout', '/data?now", timeout'))
    elsewhere = project.flask(*replay)
    assert elsewhere.returncode == 2
    assert "not reproduced: the faults could not be injected" in elsewhere.stdout
    assert "the call was not made: front -> back" in elsewhere.stdout

    fixed = SERVICES.replace("requests.ConnectionError", "requests.RequestException")
    project.write("services.py", fixed)
    survived = project.flask(*replay)
    assert survived.returncode == 0, survived.stdout + survived.stderr
    assert "not reproduced: the command succeeds (recorded: exit code 1" in survived.stdout
    project.nothing_is_left()


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


# --- other servers --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("server", ["gunicorn", "gunicorn -k gevent", "waitress"])
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
