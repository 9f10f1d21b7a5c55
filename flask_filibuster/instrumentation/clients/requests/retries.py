"""The retry policy of a session's adapter, carried out attempt by attempt.

urllib3 retries inside one call of the adapter, which hides the attempts. Here the same policy
object decides, but each attempt is a call of its own that can be explored.
Source: ``HTTPConnectionPool.urlopen`` (urllib3) and ``HTTPAdapter.send`` (requests).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests
from requests import PreparedRequest, RequestException, Response
from requests import exceptions as requests_errors
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse, Retry
from urllib3 import exceptions as urllib3_errors
from urllib3.util.request import set_file_position

from flask_filibuster.instrumentation.clients.requests.injection import pool_of

_NO_RETRY = Retry(0, read=False)
_SENDS_CHUNKS_ITSELF = str(getattr(requests, "__version__", "")).startswith("2.28.")
"""Whether requests sends a body without a length past urllib3's ``urlopen``, so never again."""


def policy_of(adapter: BaseAdapter, request: PreparedRequest) -> Retry | None:
    """The adapter's retry policy for a request, or ``None`` if it never retries."""
    policy = getattr(adapter, "max_retries", None)
    if not isinstance(policy, Retry):
        return None
    is_chunked = request.body is not None and "Content-Length" not in request.headers
    if is_chunked and _SENDS_CHUNKS_ITSELF:
        return None
    # Only an adapter's default accepts every outcome: a policy with a total of 0 still decides on
    # listed statuses, and on the kind of the exception.
    if policy.total == 0 and policy.read is False and not policy.status_forcelist:
        return None
    return policy


def without_retries(adapter: BaseAdapter) -> BaseAdapter:
    """The same adapter, with the same connections, for a single attempt.

    A copy, because other threads may use the adapter; shallow and by hand, because ``copy.copy``
    would give it new connection pools.
    """
    single: Any = object.__new__(type(adapter))
    single.__dict__.update(adapter.__dict__)
    single.max_retries = _NO_RETRY
    attempt: BaseAdapter = single
    return attempt


def send_with_retries(
    attempt: Callable[[], Response], policy: Retry, request: PreparedRequest
) -> Response:
    """Repeat the attempt until the policy accepts the outcome, or is exhausted.

    :param attempt: makes one attempt.
    :param policy: decides which outcomes to retry, how often, and with which delay.
    :param request: the request; its body is rewound between attempts.
    :raises requests.RequestException: the exception of an adapter with this policy.
    :raises urllib3.exceptions.UnrewindableBodyError: the body is a file that cannot be rewound. One
        that is no file is not rewound: the next attempt sends what is left of it.
    """
    pool: Any = None  # Created on the first retry, which most calls don't need.
    retries = policy
    body: Any = request.body
    position: Any = set_file_position(body, None)
    method, path = request.method or "GET", request.path_url
    while True:
        response, error = _outcome(attempt)
        if error is not None:
            cause = _cause_of(error)
            if cause is None:
                raise error
            pool = pool or pool_of(request)
            retries = _after_error(retries, request, error, cause, pool)
            retries.sleep()
        elif response is not None:
            if not retries.is_retry(
                method, response.status_code, bool(response.headers.get("Retry-After"))
            ):
                return _with_history(response, retries)
            pool = pool or pool_of(request)
            try:
                following = retries.increment(method, path, response=response.raw, _pool=pool)
            except urllib3_errors.MaxRetryError as exhausted:
                if not retries.raise_on_status:
                    return _with_history(response, retries)
                _drain(response)
                raise requests_errors.RetryError(exhausted, request=request)  # noqa: B904
            retries = following
            _drain(response)
            retries.sleep(response.raw)
        set_file_position(body, position)


def _outcome(
    attempt: Callable[[], Response],
) -> tuple[Response, None] | tuple[None, RequestException]:
    try:
        return attempt(), None
    except RequestException as error:
        return None, error


def _with_history(response: Response, retries: Retry) -> Response:
    if isinstance(response.raw, HTTPResponse):
        response.raw.retries = retries
    return response


def _cause_of(error: RequestException) -> Exception | None:
    """The urllib3 error of an attempt, if urllib3 retries errors of its kind."""
    if isinstance(error, (requests_errors.ChunkedEncodingError, requests_errors.RetryError)):
        return None  # These occur after the policy's decision.
    cause = error.args[0] if error.args else None
    if isinstance(cause, urllib3_errors.MaxRetryError):
        cause = cause.reason
    retried = (
        urllib3_errors.TimeoutError,
        urllib3_errors.ProtocolError,
        urllib3_errors.SSLError,
        urllib3_errors.ProxyError,
        urllib3_errors.NewConnectionError,
        OSError,
    )
    return cause if isinstance(cause, retried) else None


def _after_error(
    retries: Retry, request: PreparedRequest, error: RequestException, cause: Exception, pool: Any
) -> Retry:
    # As in requests, the errors are raised without "from".
    try:
        return retries.increment(
            request.method,
            request.path_url,
            error=cause,
            _pool=pool,
            _stacktrace=cause.__traceback__,
        )
    except urllib3_errors.MaxRetryError as exhausted:
        raise _as_requests_would(exhausted, request)  # noqa: B904
    except type(cause):
        # The policy does not retry this kind (read=False, say) and raises the error again.
        raise _handed_back(error, cause, request)  # noqa: B904


def _handed_back(error: RequestException, cause: Exception, request: PreparedRequest) -> Exception:
    if error.args[0] is cause:
        return error
    # The single attempt wrapped it. requests converts only some of the unwrapped errors.
    if isinstance(cause, urllib3_errors.SSLError):
        return requests_errors.SSLError(cause, request=request)
    if isinstance(cause, urllib3_errors.ProxyError):
        return requests_errors.ProxyError(cause)
    return cause


def _as_requests_would(
    exhausted: urllib3_errors.MaxRetryError, request: PreparedRequest
) -> RequestException:
    reason = exhausted.reason
    kind: type[RequestException] = requests_errors.ConnectionError
    if isinstance(reason, urllib3_errors.ConnectTimeoutError):
        if not isinstance(reason, urllib3_errors.NewConnectionError):
            kind = requests_errors.ConnectTimeout
    elif isinstance(reason, urllib3_errors.ProxyError):
        kind = requests_errors.ProxyError
    elif isinstance(reason, urllib3_errors.SSLError):
        kind = requests_errors.SSLError
    return kind(exhausted, request=request)


def _drain(response: Response) -> None:
    """Release the connection before the next attempt, as urllib3 does."""
    drain = getattr(response.raw, "drain_conn", None)
    if drain is not None:
        drain()
