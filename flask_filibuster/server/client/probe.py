"""Probes a server from outside: reachability, identity, explorations."""

from __future__ import annotations

from typing import Any

from flask_filibuster.errors import ServerError
from flask_filibuster.server.client.remote import RemoteServer


def probe(url: str, token: str | None, *, timeout: float = 2.0) -> dict[str, Any]:
    """The state of a server, as plain data.

    :param url: URL of the server.
    :param token: the shared secret, or ``None``.
    :param timeout: how long to wait for an answer, in seconds.
    :returns: ``reachable``, ``who``, and, if known, ``doing``: a line for each exploration; in case
        of an error, ``trouble`` in words.
    """
    server = RemoteServer(url, token=token, timeout=timeout)
    state: dict[str, Any] = {"url": url, "reachable": False, "who": None, "doing": []}
    try:
        ours = server.is_ours()
        state.update(reachable=True, who="a Filibuster server of another project")
        if ours:
            status = server.client.call("GET", "/filibuster/status")
            state["who"] = f"Flask-Filibuster {status['version']}"
            state["doing"] = [_line(each) for each in status["explorations"]]
    except ServerError as error:
        state["trouble"] = str(error)
    except (KeyError, TypeError) as error:
        state["trouble"] = f"cannot read its status: {error!r}"
    finally:
        server.close()
    return state


def _line(exploration: Any) -> str:
    how = "over" if exploration["over"] else "under way" if exploration["under_way"] else "waiting"
    return (
        f"{exploration['name']}: {how}, {exploration['executed']} executed, "
        f"{exploration['waiting']} to go, {exploration['failed']} failed"
    )
