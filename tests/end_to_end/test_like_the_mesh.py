"""Services as processes of their own are explored like those of the mesh."""

from __future__ import annotations

import functools
import json
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from flask_filibuster import explore
from flask_filibuster.protocol.records import write_planned
from flask_filibuster.report.data import result_data
from flask_filibuster.results.result import Result
from tests.support import processes, served_shapes, shapes
from tests.support.cases import THOROUGH, only_in_earnest
from tests.support.embedded import program
from tests.support.ports import ports
from tests.support.processes import Project, listens, running, wait_until
from tests.support.shapes import COUNTED as REQUESTS
from tests.support.timing import without_times

project = processes.project


WIDTH = 4


def test_ports_are_given_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with ports(3) as first:
        monkeypatch.setattr("tests.support.ports.BLOCKS", [first - 1])
        with pytest.raises(AssertionError, match="no free ports"), ports(3):
            pass


# --- the same as the mesh -------------------------------------------------------------------------

LAUNCHER = program("launching.py")

SHAPES_CONFTEST = program("shapes_conftest.py")

SHAPES_TEST = program("marked_shapes.py")

CHAINS = ("chain", "chain_with_retry")
# What the suites below explore: each shape has processes of its own.
EXPLORED = [shape for shape in REQUESTS if THOROUGH or shape in CHAINS]
SHAPES = pytest.mark.parametrize(
    "shape",
    [
        shape if shape in CHAINS else pytest.param(shape, marks=only_in_earnest)
        for shape in REQUESTS
    ],
)


@pytest.fixture
def shape_port() -> Iterator[int]:
    """The first of the ports of a shape."""
    with ports(WIDTH) as first:
        yield first


STARTED_SHAPES = [
    pytest.param("chain", marks=only_in_earnest),
    pytest.param("two_required_calls", marks=only_in_earnest),
    pytest.param("retry_in_the_middle", marks=only_in_earnest),
]


class Shapes(Project):
    """All services of the explored shapes as processes, with a server that they are told of.

    :ivar first: the first port of each shape.
    """

    PORTS = Project.PORTS + WIDTH * len(EXPLORED)

    def __init__(self, path: Path, first_port: int) -> None:
        super().__init__(path, first_port)
        first = first_port + Project.PORTS
        self.first = {shape: first + WIDTH * number for number, shape in enumerate(EXPLORED)}
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
    for shape in CHAINS:
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
    """A result without what each kind of test puts in its own words, and without its times."""
    data = without_times(json.loads(json.dumps(data)))
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
    assert without_words(without_times(data)) == without_words(
        without_times(result_data(in_mesh, {}))
    )
    for failure, meant in zip(data["failures"], in_mesh.failures, strict=True):
        file = project.path / failure["replay"].split()[-1]
        content = json.loads(file.read_text())
        assert content["faults"] == [write_planned(each) for each in meant.faults]
