"""The retry policy of a session's adapter, carried out attempt by attempt.

urllib3 retries inside one call of the adapter, where no attempt can be told from the next. Here the
same policy object decides, but each attempt is a call of its own that can be seen and made to fail.
Source: ``HTTPConnectionPool.urlopen`` (urllib3) and ``HTTPAdapter.send`` (requests).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from requests import PreparedRequest, RequestException, Response
from requests import exceptions as requests_errors
from requests.adapters import BaseAdapter
from requests.utils import rewind_body
from urllib3 import Retry
from urllib3 import exceptions as urllib3_errors

from flask_filibuster.instrumentation.injection import pool_of

_NO_RETRY = Retry(0, read=False)


def policy_of(adapter: BaseAdapter) -> Retry | None:
    """The adapter's retry policy, or ``None`` if it never retries."""
    policy = getattr(adapter, "max_retries", None)
    if not isinstance(policy, Retry) or not policy.total:
        return None
    return policy


def without_retries(adapter: BaseAdapter) -> BaseAdapter:
    """The same adapter, with the same connections, for a single attempt.

    A copy, as the adapter may be sending for other threads; a shallow one made by hand, as
    ``copy.copy`` would give it new connection pools.
    """
    single: Any = object.__new__(type(adapter))
    single.__dict__.update(adapter.__dict__)
    single.max_retries = _NO_RETRY
    attempt: BaseAdapter = single
    return attempt


def send_with_retries(
    attempt: Callable[[], Response], policy: Retry, request: PreparedRequest
) -> Response:
    """Attempt until the policy is content with the outcome, or exhausted.

    :param attempt: makes one attempt.
    :param policy: says what is tried again, how often, and how long to wait before.
    :param request: what is sent; its body is rewound between attempts.
    :raises requests.RequestException: as an adapter with this policy would raise.
    """
    pool: Any = pool_of(request)
    retries = policy
    method, path = request.method or "GET", request.path_url
    while True:
        try:
            response = attempt()
        except RequestException as error:
            cause = _cause_of(error)
            if cause is None:
                raise
            retries = _after_error(retries, request, error, cause, pool)
            retries.sleep()
        else:
            if not retries.is_retry(
                method, response.status_code, bool(response.headers.get("Retry-After"))
            ):
                return response
            try:
                following = retries.increment(method, path, response=response.raw, _pool=pool)
            except urllib3_errors.MaxRetryError as exhausted:
                if not retries.raise_on_status:
                    return response
                response.close()
                raise requests_errors.RetryError(exhausted, request=request) from exhausted
            retries = following
            _drain(response)
            retries.sleep(response.raw)
        if isinstance(getattr(request, "_body_position", None), int):
            rewind_body(request)


def _cause_of(error: RequestException) -> Exception | None:
    """The error of urllib3 that an attempt ended with, where it is of a kind that it retries."""
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
    try:
        return retries.increment(
            request.method, request.path_url, error=cause, _pool=pool, _stacktrace=None
        )
    except urllib3_errors.MaxRetryError as exhausted:
        raise _as_requests_would(exhausted, request) from exhausted
    except type(cause):
        # The policy does not retry this kind (read=False, say) and hands the error back.
        raise error from cause


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
    """Give the connection back before the next attempt, as urllib3 does."""
    drain = getattr(response.raw, "drain_conn", None)
    if drain is not None:
        drain()
