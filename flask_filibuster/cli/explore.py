"""``flask filibuster explore PATH``: find bugs without writing a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from flask.cli import ScriptInfo

from flask_filibuster.cli.ending import end, interrupted_at_first
from flask_filibuster.cli.options import options_from, spelt_services
from flask_filibuster.cli.setup import recording_of, workers_of
from flask_filibuster.cli.target import command_prefix, load_target
from flask_filibuster.cli.terminal import Progress
from flask_filibuster.errors import FilibusterError, ForeignHostError
from flask_filibuster.exploring.explore import Explored, explore_subject
from flask_filibuster.exploring.quiet import quiet
from flask_filibuster.exploring.subjects.added import Added
from flask_filibuster.exploring.subjects.request import (
    Request,
    RequestSubject,
    RequestTest,
)
from flask_filibuster.report.document import About
from flask_filibuster.results.bug import FaultFreeError
from flask_filibuster.results.result import Result


def run(
    info: ScriptInfo,
    *,
    path: str,
    method: str,
    json_body: str | None,
    headers: tuple[tuple[str, str], ...],
    session: str | None,
    expect_status: int | None,
    stubs: tuple[tuple[str, str], ...],
    record: bool,
    rendering: str,
    classes: bool,
    **given: Any,
) -> None:
    """Explore a request, and print the report."""
    request = Request(path, method, headers, json_body, session, expect_status)
    added = Added(stubs, record)
    try:
        subject, explored = _explore(info, request, given, added)
    except ForeignHostError as error:
        raise click.UsageError(
            f"{error}. Without a change of code: --stub {error.base}=FILE.json, or --record, which "
            "asks once and keeps the answers."
        ) from error
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt as error:
        raise SystemExit(interrupted_at_first(error)) from error
    raise SystemExit(
        end(
            explored,
            subject,
            _about(request, explored.result),
            rendering=rendering,
            classes=classes,
        )
    )


def _explore(
    info: ScriptInfo, request: Request, given: Mapping[str, Any], added: Added
) -> tuple[RequestSubject, Explored]:
    options = options_from("explore", given)
    services = options.services if isinstance(options.services, str) else None
    target = load_target(info, services, added, spelt_services(given))
    verbose = bool(options.verbose)
    with Progress() as progress, quiet(unless=verbose), workers_of(options) as workers:
        subject = RequestSubject(
            RequestTest(request, target.base_url, verbose),
            target.services if workers is None else target.named(info),
            target.services_from,
            command_prefix(info),
            added,
        )
        explored = explore_subject(
            subject,
            options,
            recording=recording_of(subject, options, target.config),
            workers=workers,
            progress=progress,
        )
    return subject, explored


def _about(request: Request, result: Result) -> About:
    """The request, with advice if it fails without faults."""
    error = result.failures[0].error if result.failures else None
    advice = (_advice(error),) if isinstance(error, FaultFreeError) else ()
    return About(request.words, "no complete answer", advice)


def _advice(error: FaultFreeError) -> str:
    if error.location or error.status in (401, 403):
        return (
            "Log in by --session module:function (which gets the test client) or --header, or "
            f"explore this answer by --expect-status {error.status}."
        )
    if error.status < 500:
        return (
            "Explore a request that succeeds: check the path, --method, --header, --json-body; or "
            f"explore this answer by --expect-status {error.status}."
        )
    return (
        "Check that the services that the app needs are in --services, answered by --stub or "
        "running; --verbose shows what the apps log."
    )
