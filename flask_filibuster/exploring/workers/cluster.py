"""Executions on a Dask cluster."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

from flask_filibuster.errors import FilibusterError, SetupError
from flask_filibuster.exploring.workers.workers import Workers

logger = logging.getLogger(__name__)

CONNECT = 10.0
"""Seconds to wait for the scheduler, and then for the first worker."""

SLACK = 3
"""How many times as long Dask may take to notice that it waits in vain."""


@contextmanager
def cluster(
    address: str, count: int | None = None, *, patience: float | None = None
) -> Iterator[Workers]:
    """The workers of a cluster.

    Source: ``Client.get_executor`` of Dask's documentation (distributed, API). When a worker dies,
    the scheduler moves its executions to another worker; an execution that kills several workers
    (``distributed.scheduler.allowed-failures``) is lost.

    :param address: address of the scheduler, like ``tcp://10.0.0.1:8786``.
    :param count: number of parallel executions; ``None``: the number of the cluster's threads.
    :param patience: time to wait for the scheduler, and for a worker, in seconds; ``None``:
        :data:`CONNECT`.
    :raises SetupError: ``distributed`` is not installed, or no scheduler or worker answers.
    """
    distributed, killed = _dask()
    if patience is None:
        patience = CONNECT
    calls = _Calls(address, patience * SLACK)
    connect = partial(distributed.Client, address, timeout=patience, set_as_default=False)
    try:
        client = calls.made(connect)
    except (OSError, ValueError) as error:
        raise SetupError(f"no Dask scheduler at {address}: {error}") from error
    with _closing(client, calls):
        try:
            calls.made(partial(client.wait_for_workers, 1, timeout=patience))
        except (TimeoutError, distributed.TimeoutError) as error:
            raise SetupError(f"the Dask scheduler at {address} has no workers") from error

        cores = sum(calls.made(client.ncores).values())
        # Not pure: the same execution twice is two executions.
        executor = client.get_executor(pure=False)
        yield Workers(
            count or cores,
            executor,
            lost=(killed,),
            check=partial(_check, client, calls, distributed.TimeoutError),
        )


def _dask() -> tuple[Any, type[Exception]]:
    """Dask's package, and its exception for an execution that killed several workers."""
    try:
        return import_module("distributed"), import_module("distributed.scheduler").KilledWorker
    except ImportError as error:
        raise SetupError(
            f"cannot import Dask ({error}); pip install 'flask-filibuster[distributed]'"
        ) from error


class _Calls:
    """Calls of Dask that end in an error after a while: some of them wait without a limit.

    A client that fails while it connects, or whose scheduler is lost, may wait for its own loop.

    :param address: address of the scheduler.
    :param limit: the limit, in seconds.
    """

    def __init__(self, address: str, limit: float) -> None:
        self.address = address
        self._limit = limit

    def made(self, function: Callable[[], Any]) -> Any:
        """The result of a call.

        :raises SetupError: it takes longer than the limit.
        :raises Exception: as the call does.
        """
        outcome: Future[Any] = Future()
        thread = threading.Thread(
            target=_settle, args=(outcome, function), name="filibuster-dask", daemon=True
        )
        thread.start()
        wait([outcome], self._limit)
        if not outcome.done():
            raise SetupError(
                f"the Dask scheduler at {self.address} does not answer within {self._limit:g} s"
            )
        return outcome.result()


def _settle(outcome: Future[Any], function: Callable[[], Any]) -> None:
    try:
        outcome.set_result(function())
    except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
        outcome.set_exception(error)


@contextmanager
def _closing(client: Any, calls: _Calls) -> Iterator[None]:
    """Close a client at the end of the block, as far as its scheduler allows."""
    try:
        yield
    finally:
        try:
            calls.made(client.close)
        except (FilibusterError, OSError, RuntimeError) as error:
            logger.warning("the Dask client was not closed: %s", error)


def _check(client: Any, calls: _Calls, timed_out: type[Exception]) -> None:
    """Raise if the cluster can't run anything any more."""
    address = calls.address
    try:
        left = calls.made(client.ncores)
    except (OSError, TimeoutError, timed_out, RuntimeError) as error:
        raise SetupError(f"the Dask scheduler at {address} no longer answers: {error}") from error
    if not left:
        raise SetupError(f"the Dask scheduler at {address} has lost all its workers")
