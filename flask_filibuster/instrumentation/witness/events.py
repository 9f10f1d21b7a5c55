"""The audit events by which something leaves a process, and what they say."""

from __future__ import annotations

import os
import re
import shlex
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.trace import UnexploredCall, Way
from flask_filibuster.core.urls import DEFAULT_PORTS

_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "busybox"})
_URL = re.compile(r"https?://[^\s'\"|;&<>]+")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(slots=True)
class Lookup:
    """A name that was resolved to connect to it.

    :ivar host: the name.
    :ivar port: number or name of the port.
    :ivar site: the application's line.
    :ivar url: the URL, if known.
    :ivar connected: whether a connection followed.
    """

    host: str
    port: str
    site: CallSite | None
    url: str = ""
    connected: bool = False

    @classmethod
    def of(cls, host: object, port: object, site: CallSite | None, url: str) -> Lookup:
        """The look-up of an event's arguments, which may be bytes."""
        return cls(_text(host), _text(port), site, url)

    @property
    def is_alone(self) -> bool:
        """Whether it shows a call by itself: the application's, of a name that has no address."""
        return not self.connected and self.site is not None

    def leads_to(self, address: object) -> bool:
        """Whether a connection to this address follows from it."""
        if not isinstance(address, tuple) or len(address) < 2:
            return False
        return self.port == str(address[1]) or not self.port.isdigit()

    def as_call(self, way: Way = "connection") -> UnexploredCall:
        """The unexplored call."""
        return UnexploredCall(way, address_words((self.host, self.port)), self.site, self.url)


def way_of(event: str, sock: Any) -> Way:
    """How something leaves by a socket."""
    kind = getattr(sock, "type", socket.SOCK_STREAM)
    return "datagram" if event == "socket.sendto" or kind == socket.SOCK_DGRAM else "connection"


def address_words(address: object) -> str:
    """A socket's address: host and port, or the path of a Unix socket."""
    if isinstance(address, tuple) and len(address) >= 2:
        host = _text(address[0])
        return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"
    return _text(address) or "?"


def command_of(event: str, args: tuple[Any, ...]) -> tuple[str, str]:
    """The first word of the command line that an event starts, and the URL in it."""
    if event in ("os.fork", "os.forkpty"):
        return "this process", ""
    if event == "os.system":
        return _script(_text(args[0]))
    program, argv = (args[1], args[2]) if event == "os.spawn" else (args[0], args[1])
    listed = [argv] if isinstance(argv, str | bytes) else list(argv or ())
    words = [_text(each) for each in listed] or [_text(program)]
    if os.path.basename(words[0]) in _SHELLS and "-c" in words[:-1]:
        return _script(words[words.index("-c") + 1])
    return os.path.basename(words[0]) or words[0], _url_in(words)


def _script(script: str) -> tuple[str, str]:
    """The first command of a shell script."""
    try:
        words = shlex.split(script, comments=True)
    except ValueError:
        words = script.split()
    commands = [each for each in words if not _ASSIGNMENT.match(each)]
    return (os.path.basename(commands[0]) if commands else "sh"), _url_in([script])


def _url_in(words: Sequence[str]) -> str:
    found = next(filter(None, map(_URL.search, words)), None)
    return without_secrets(found[0]) if found else ""


def without_secrets(url: str) -> str:
    """A URL without user, password and query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def host_in(url: str) -> str:
    """The host of a URL, or the empty string."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def port_in(url: str) -> int:
    """The port of a URL, 0 if it has none."""
    try:
        parts = urlsplit(url)
        return parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return 0


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, os.PathLike):
        return _text(os.fspath(value))
    return str(value)
