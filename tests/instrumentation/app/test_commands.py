"""The ends of commands and jobs that a test runs: what counts as a crash, and what looks alike."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import click
import pytest
import requests
from click.testing import CliRunner
from flask import Flask

from flask_filibuster import explore
from flask_filibuster.results.findings import UNCAUGHT
from flask_filibuster.results.result import Result
from tests.support.callers import service
from tests.support.models import REFUSALS

CALLEE = {"http://callee:1": service(way=lambda: "fine")}


def call() -> int:
    return requests.get("http://callee:1/way", timeout=1).status_code


def retrying() -> None:
    """Three attempts at a call; the last one decides."""
    for _ in range(3):
        try:
            status = call()
        except requests.RequestException:
            continue
        if status < 500:
            click.echo("ok")
            return


def app_with(action: Callable[[], object]) -> Flask:
    app = Flask("caller")
    app.cli.command("go")(action)
    app.add_url_rule("/go", "go", lambda: (action(), "done")[1])
    return app


def explored(test: Callable[[], object], **options: Any) -> Result:
    return explore(test, CALLEE, **options)


def uncaught(test: Callable[[], object]) -> list[str]:
    result = explored(test, faults=REFUSALS)
    assert len(result.executions) > 1
    assert not result.inconclusive
    assert not result.problems
    return [each.message for each in result.findings if each.kind == UNCAUGHT]


def handled(end: Callable[[], object]) -> Callable[[], None]:
    def action() -> None:
        try:
            call()
        except requests.RequestException:
            end()

    return action


def _raising(error: BaseException) -> Callable[[], NoReturn]:
    def end() -> NoReturn:
        raise error

    return end


ENDS = {
    "caught": lambda: None,
    "error of click": _raising(click.ClickException("the callee is away")),
    "wrong usage": _raising(click.UsageError("the callee is away")),
    "abort": _raising(click.Abort()),
    "exit of click": lambda: click.get_current_context().exit(1),
    "exit": lambda: sys.exit(1),
}


class TestCrashesOfCommands:
    def test_uncaught_exception_is_found(self) -> None:
        app = app_with(call)
        (message,) = uncaught(lambda: app.test_cli_runner().invoke(args=["go"]))
        assert message.startswith("Unhandled ConnectionError in caller, CLI /go")

    def test_runner_that_raises(self) -> None:
        runner = app_with(call).test_cli_runner(catch_exceptions=False)

        def test() -> None:
            with suppress(requests.RequestException):
                runner.invoke(args=["go"])

        assert len(uncaught(test)) == 1

    @pytest.mark.slow
    def test_runner_of_click(self) -> None:
        app = app_with(lambda: None)

        @click.command()
        def other() -> None:
            with app.app_context():
                call()

        assert len(uncaught(lambda: CliRunner().invoke(other))) == 1

    @pytest.mark.parametrize("end", ENDS)
    def test_handled_exception_is_none(self, end: str) -> None:
        app = app_with(handled(ENDS[end]))
        assert uncaught(lambda: app.test_cli_runner().invoke(args=["go"])) == []

    def test_group_that_handles_all(self) -> None:
        app = app_with(call)

        class Careful(click.Group):
            def main(self, *args: Any, **kwargs: Any) -> Any:
                try:
                    return super().main(*args, **{**kwargs, "standalone_mode": False})
                except requests.RequestException:
                    sys.exit(1)

        group = Careful("careful")
        group.add_command(app.cli.commands["go"])
        assert uncaught(lambda: app.test_cli_runner().invoke(group, ["go"])) == []

    def test_exception_without_faults(self) -> None:
        def action() -> None:
            call()
            raise ValueError("always")

        app = app_with(action)
        messages = uncaught(lambda: app.test_cli_runner().invoke(args=["go"]))
        assert not any("ValueError" in each for each in messages)


class TestCrashesOfJobs:
    """The test has called a function: what that raises is for the test to judge."""

    def test_exception_that_the_test_expects(self) -> None:
        app = Flask("caller")

        def test() -> None:
            with suppress(requests.RequestException), app.app_context():
                call()

        assert uncaught(test) == []


class TestEndsThatLookAlike:
    @pytest.mark.slow
    @pytest.mark.parametrize("where", ["command", "job"])
    def test_are_pruned_as_those_of_views(self, where: str) -> None:
        app = app_with(retrying)

        def view() -> None:
            assert app.test_client().get("/go").status_code == 200

        def command() -> None:
            assert app.test_cli_runner().invoke(args=["go"]).exit_code == 0

        def job() -> None:
            with app.app_context():
                retrying()

        test = command if where == "command" else job
        most = len(explored(view).executions)
        result = explored(test, max_executions=2 * most)
        assert len(result.executions) <= most + 3
        assert result.ok, str(result)
        assert not result.ambiguities

    def test_output_tells_them_apart(self) -> None:
        """A test that looks at the output is no test that behaves at random."""

        def action() -> None:
            try:
                click.echo(str(call()))
            except requests.RequestException as error:
                click.echo(type(error).__name__)

        app = app_with(action)

        def test() -> None:
            output = app.test_cli_runner().invoke(args=["go"]).output
            if output != "200\n":
                assert "Timeout" not in output
                action_of_test()

        def action_of_test() -> None:
            app.test_client().get("/go")

        result = explored(test)
        assert result.failures
        assert not result.ambiguities

    def test_returned_value_tells_jobs_apart(self) -> None:
        app = app_with(lambda: None)

        def job() -> str:
            try:
                return str(call())
            except requests.RequestException as error:
                return type(error).__name__

        def test() -> None:
            with app.app_context():
                returned = job()
            assert "Timeout" not in returned
            if returned != "200":
                app.test_client().get("/go")

        result = explored(test)
        assert result.failures
        assert not result.ambiguities
