"""What was seen instead, where nothing could be made to fail."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator

from flask_filibuster.core.trace import Trace
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.result import Result

_OTHER_CLIENTS = (
    *("aiohttp", "aioredis", "boto3", "botocore", "cassandra", "elasticsearch", "grpc", "kafka"),
    *("kombu", "ldap3", "mysql.connector", "MySQLdb", "paramiko", "pika", "psycopg", "psycopg2"),
    *("pycurl", "pymemcache", "pymongo", "pymysql", "redis", "sqlalchemy", "treq", "urllib3"),
    *("websocket", "zeep"),
)
_MOCKS = (
    *("betamax", "httmock", "httpretty", "mocket", "pook", "pytest_httpserver", "pytest_httpx"),
    *("pytest_mock", "requests_mock", "responses", "respx", "unittest.mock", "vcr"),
)
MOST = 5
OWN_CALLS = (
    "calls of the test and its helpers never fail: if they are the application's, run its code in "
    "a request, a command, or with app.app_context()"
)
"""What to do about calls that are the test's own."""


def seen_instead(result: Result, known: Collection[str]) -> Iterator[str]:
    """A note if no call could fail: what was seen instead, and what to do.

    :param result: the result of the exploration.
    :param known: the names of the known clients.
    """
    first = result.executions[0] if result.executions else None
    if first is None or first.verdict == "failed" or first.trace.invocations:
        return
    if any(each.apart for each in result.unexplored):
        return  # Services made calls, which are named with the way to let them take part.
    said = (
        f"no call was seen, so no fault could be injected: the test made {_requests(first)}, and "
        "the services that handled them made no call with a known client "
        f"({', '.join(sorted(known))})"
    )
    told = [said]
    if result.unexplored:
        listed = ", ".join(each.what for each in result.unexplored[:MOST])
        told.append(f"seen instead: {listed}")
    # requests imports urllib3 itself.
    others = [name for name in _imported(_OTHER_CLIENTS) if name not in (*known, "urllib3")]
    if others:
        told.append(f"imported clients that are not known: {', '.join(others)}")
    mocks = _imported(_MOCKS)
    if mocks:
        told.append(f"imported mocks, which may answer calls: {', '.join(mocks)}")
    told.append(_advice(first, result))
    yield "; ".join(told)


def has_own_calls(trace: Trace) -> bool:
    """Whether a test made calls itself that no service of the exploration handled.

    :param trace: the trace of an execution.
    """
    return any(each.index not in trace.handlings for each in trace.requests)


def _requests(first: Execution) -> str:
    made = first.trace.requests
    if not made:
        return "no request"
    listed = [f"{each.method} {each.url} ended with {each.outcome}" for each in made[:MOST]]
    more = f", and {len(made) - MOST} more" if len(made) > MOST else ""
    number = "1 request" if len(made) == 1 else f"{len(made)} requests"
    return f"{number} ({', '.join(listed)}{more})"


def _imported(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name in sys.modules]


def _advice(first: Execution, result: Result) -> str:
    if not first.trace.requests:
        return (
            "if it requests an app, add the line Filibuster(app) where the app is made "
            "(from flask_filibuster import Filibuster)"
        )
    if result.unexplored:
        targets = ", ".join(repr(each.target) for each in result.unexplored[:MOST])
        return (
            "make these calls with a known client, add a client (entry point group "
            f"flask_filibuster.clients), or set FILIBUSTER_UNEXPLORED = [{targets}] where they "
            "need no test"
        )
    if has_own_calls(first.trace):
        return f"{OWN_CALLS}; if not, do not explore the test (remove @pytest.mark.filibuster)"
    return "if it is not meant to make a call, do not explore it (remove @pytest.mark.filibuster)"
