"""The commands and their options.

The implementation of a command is imported when it runs, so that ``--help`` loads neither the
search nor an HTTP client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from flask.cli import ScriptInfo, pass_script_info

from flask_filibuster.cli.asking.command import why
from flask_filibuster.cli.options import options_of
from flask_filibuster.nearest import suggestion

Command = TypeVar("Command", bound=Callable[..., Any])
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2

classes_option = click.option(
    "--classes", is_flag=True, help="List faults with the same observable effect."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _rendering(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value != "text":
        from flask_filibuster.report.renderings import RENDERINGS

        if value not in RENDERINGS:
            raise click.BadParameter(f"{value!r}; {suggestion(value, RENDERINGS)}")
    return value


def report_options(command: Command) -> Command:
    """The options that say how the report is printed."""
    form = click.option(
        "--format",
        "rendering",
        default="text",
        show_default=True,
        callback=_rendering,
        metavar="FORMAT",
        help="Format of the report: text, json or markdown.",
    )
    short = click.option("--json", "rendering", flag_value="json", help="Short for --format json.")
    return classes_option(form(short(command)))


def seconds_option(name: str, default: float | None, words: str) -> Callable[[Command], Command]:
    """An option that is a number of seconds."""
    return click.option(
        name,
        type=click.FloatRange(min=0.001),
        default=default,
        show_default=default is not None,
        metavar="SECONDS",
        help=words,
    )


def address_options(command: Command) -> Command:
    """The options that say where the server listens."""
    port = click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=5005,
        show_default=True,
        help="Port to listen on; 0: any free port.",
    )
    host = click.option(
        "--host",
        default="127.0.0.1",
        show_default=True,
        help="Address to listen on; any client of the server can make services fail.",
    )
    return host(port(command))


def _headers(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    from requests.exceptions import InvalidHeader
    from requests.utils import check_header_validity

    headers = []
    for value in values:
        name, _, content = (part.strip() for part in value.partition(":"))
        try:
            check_header_validity((name, content))
            content.encode("latin-1")
            fits = ":" in value and TOKEN.fullmatch(name)
        except (InvalidHeader, UnicodeEncodeError):
            fits = None
        if not fits:
            raise click.BadParameter(f"{value!r}; write it as 'Name: value'")
        headers.append((name, content))
    return tuple(headers)


def _method(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not TOKEN.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not an HTTP method")
    return value.upper()


def _path(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not value.startswith("/"):
        raise click.BadParameter(f"{value!r}; it must begin with a slash, like /orders/7")
    return value


def _function(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    if value is not None and not re.fullmatch(r"[\w.]+:[\w.]+", value):
        raise click.BadParameter(f"{value!r}; write it as module:function")
    return value


def _stubs(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    stubs = []
    for value in values:
        # The URL may have a port and a path; neither has an equals sign.
        url, equals, file = value.partition("=")
        if not equals or not re.match(r"https?://[^/]", url) or not file:
            raise click.BadParameter(f"{value!r}; write it as http://host=FILE.json")
        stubs.append((url, str(Path(file).absolute())))
    return tuple(stubs)


def _json_text(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    if value is not None:
        try:
            json.loads(value)
        except ValueError as error:
            raise click.BadParameter(f"not JSON: {error}") from error
    return value


@click.command("explore")
@click.argument("path", callback=_path)
@click.option(
    "--method",
    default="GET",
    show_default=True,
    callback=_method,
    metavar="METHOD",
    help="HTTP method of the request.",
)
@click.option("--json-body", callback=_json_text, metavar="JSON", help="Body of the request.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    callback=_headers,
    metavar="'NAME: VALUE'",
    help="Header of the request; can be repeated.",
)
@click.option(
    "--session",
    callback=_function,
    metavar="MODULE:FUNCTION",
    help="Call this function before each request, to log in: it gets the test client, and the app "
    "if it takes two arguments.",
)
@click.option(
    "--expect-status",
    type=click.IntRange(100, 599),
    metavar="CODE",
    help="Status of the answer without faults.  [default: below 400, no redirect of a GET]",
)
@click.option(
    "--stub",
    "stubs",
    multiple=True,
    callback=_stubs,
    metavar="URL=FILE.json",
    help="Answer calls to this base URL from a JSON file of answers by path; can be repeated.",
)
@click.option(
    "--record",
    is_flag=True,
    help="Ask hosts on other machines once, keep the answers in .filibuster/recordings without "
    "credentials, and answer every later call from there.",
)
@options_of("explore")
@report_options
@pass_script_info
def explore(info: ScriptInfo, /, **given: Any) -> None:
    """Request PATH of the app repeatedly while calls behind it fail.

    Reports unhandled exceptions and answers of status 500, each with the smallest set of faults
    that causes it. Exit code 0: nothing found, 1: bugs found, 2: nothing proved, or wrong usage,
    130: interrupted. Options that aren't given here are those of [tool.filibuster] in
    pyproject.toml, then FILIBUSTER_... in the app's config.
    """
    from flask_filibuster.cli.explore import run

    run(info, **given)


@click.command("test", context_settings={"ignore_unknown_options": False})
@click.argument("argv", nargs=-1, required=True, metavar="-- COMMAND...")
@click.option(
    "--start",
    multiple=True,
    metavar="'CMD'",
    help="Start this service first, and stop it at the end; can be repeated.",
)
@click.option(
    "--ready",
    multiple=True,
    metavar="URL",
    help="Wait until this URL answers before the first execution; can be repeated.  "
    "[default: the ports that the started services listen on]",
)
@seconds_option("--timeout", 120.0, "Time after which the command is killed and counts as failed.")
@seconds_option("--start-timeout", 60.0, "Time within which the services must answer.")
@address_options
@options_of("test")
@report_options
def test(**given: Any) -> None:
    """Run COMMAND repeatedly while calls between services fail.

    COMMAND passes if its exit code is 0. COMMAND and the started services get the server's URL in
    FILIBUSTER_SERVER_URL; set it yourself for services that run already. With --workers,
    several COMMANDs run at once against the same services, and must send the headers that
    FILIBUSTER_HEADERS holds. Exit code 0: nothing found, 1: bugs found, 2: nothing proved, or wrong
    usage, 130: interrupted.
    """
    from flask_filibuster.cli.command_test import run

    run(**given)


@click.command("serve")
@address_options
@options_of("serve")
def serve(**given: Any) -> None:
    """Serve the Filibuster protocol until Ctrl-C.

    Set FILIBUSTER_SERVER_URL for the services. Drive tests with pytest --filibuster-server, or with
    any driver that speaks the protocol. The environment variable FILIBUSTER_TOKEN holds the secret
    that signs requests.
    """
    from flask_filibuster.cli.serve import run

    run(**given)


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--verbose", is_flag=True, help="Show what the services log.")
@click.option(
    "--load",
    "count",
    type=click.IntRange(min=1),
    metavar="N",
    help="Replay N times and print the latencies.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    metavar="C",
    help="With --load: number of replays at a time. If more than one, a command must send the "
    "headers in FILIBUSTER_HEADERS.  [default: 1]",
)
@click.option(
    "--max-latency",
    type=click.FloatRange(min=0.0, min_open=True),
    metavar="SECONDS",
    help="With --load: a slower replay counts as a failure.",
)
@pass_script_info
def replay(info: ScriptInfo, /, **given: Any) -> None:
    """Run the counterexample FILE once, with its faults and no others.

    Exit code 0: not reproduced, 1: reproduced, 2: the faults could not be injected, or
    the file cannot be used.
    """
    from flask_filibuster.cli.replay import run

    run(info, **given)


@click.command("analyze")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the result to FILE, and a line for each service to stderr.  [default: stdout]",
)
def analyze(targets: tuple[str, ...], output: Path | None) -> None:
    """Write the error statuses of the services in TARGET to a file.

    TARGET is a directory, with services as modules in it or as directories with an app.py, wsgi.py
    or __init__.py, or the name of a module. Services are Flask apps: variables, the
    results of create_app() or make_app(), and the values of a mapping filibuster_services. The
    modules are imported, which runs their code.

    The result is an analysis file, which you can edit; name it in FILIBUSTER_ANALYSIS_FILE. Exit
    code 0: written, 2: wrong usage, or no app was found.
    """
    from flask_filibuster.cli.analyze import run

    run(targets, output)


@click.command("status")
@json_option
@pass_script_info
def status(info: ScriptInfo, /, as_json: bool) -> None:
    """Show whether the extension is set up, and how.

    With a server configured, also show whether it can be reached, its product and its explorations.
    Exit code 0: OK, 1: the extension is missing or its server cannot be reached, 2: its
    configuration cannot be used.
    """
    from flask_filibuster.cli.status import run

    run(info, as_json=as_json)


COMMANDS: Mapping[str, click.Command] = {
    each.name: each for each in (analyze, explore, replay, serve, status, test, why) if each.name
}
