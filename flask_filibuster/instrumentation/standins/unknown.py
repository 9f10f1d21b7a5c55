"""Stand-ins for what makes calls and belongs to no client: their calls are named.

A test that replaces ``urllib.request.urlopen`` or ``subprocess.run`` leaves nothing that the
witness could see. So each call of the stand-in is noted where it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

from flask_filibuster.instrumentation.outgoing import Role
from flask_filibuster.instrumentation.witness.events import without_secrets
from flask_filibuster.instrumentation.witness.seeing import note_unexplored

_CONNECTIONS = ("HTTPConnection", "HTTPSConnection")
_PROCESSES = ("execv", "execve", "fork", "popen", "posix_spawn", "spawnv", "system")
_STANDARD: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "asyncio.streams": ("open_connection", "open_unix_connection"),
        "asyncio.subprocess": ("create_subprocess_exec", "create_subprocess_shell"),
        "ftplib": ("FTP", "FTP_TLS"),
        "http.client": _CONNECTIONS,
        "imaplib": ("IMAP4", "IMAP4_SSL"),
        "nt": _PROCESSES,
        "os": _PROCESSES,
        "poplib": ("POP3", "POP3_SSL"),
        "posix": _PROCESSES,
        "smtplib": ("LMTP", "SMTP", "SMTP_SSL"),
        "socket": ("create_connection", "socket"),
        "subprocess": ("Popen", "call", "check_call", "check_output", "getoutput", "run"),
        "urllib.request": ("OpenerDirector", "urlopen", "urlretrieve"),
        "urllib3._request_methods": ("RequestMethods",),
        "urllib3.connection": _CONNECTIONS,
        "urllib3.connectionpool": ("HTTPConnectionPool", "HTTPSConnectionPool"),
        "urllib3.poolmanager": ("PoolManager", "ProxyManager"),
        "urllib3.request": ("RequestMethods",),
        "urllib3.util.connection": ("create_connection",),
        "xmlrpc.client": ("ServerProxy", "Transport"),
    }
)
"""Functions and classes that make calls, by their modules."""

_METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    dict.fromkeys(("http.client", "urllib3.connection"), ("putrequest", "request"))
)
"""Of classes whose objects have many methods for one call, those that begin it."""

_LIBRARIES = frozenset(
    {
        *("aiohttp", "aioredis", "boto3", "botocore", "cassandra", "elasticsearch", "grpc"),
        *("kafka", "kombu", "ldap3", "mysql", "MySQLdb", "paramiko", "pika"),
        *("psycopg", "psycopg2", "pycurl", "pymemcache", "pymongo", "pymysql", "redis"),
        *("treq", "websocket", "zeep"),
    }
)


class Unknown(Role):
    """The role of a function that makes calls, or of a method.

    :param name: its name in messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def call_of(self, args: Sequence[Any], options: Mapping[str, Any]) -> None:
        """Note the call; it is no call of a client."""
        given = [each for each in (*args, *options.values()) if isinstance(each, str)]
        urls = [each for each in given if each.startswith(("http://", "https://"))]
        note_unexplored("replaced", self.name, without_secrets(urls[0]) if urls else "")


class _Parts(Role):
    """The role of a module, or of an object.

    :param name: its name in messages.
    :param original: the module; of an object, the class.
    """

    def __init__(self, name: str, original: Any) -> None:
        self._name = name
        self._original = original

    def attribute(self, name: str) -> Role | None:
        """The role of a function, a class or a method."""
        value = None if name.startswith("_") else getattr(self._original, name, None)
        if isinstance(self._original, ModuleType):
            return unknown_role(value)
        begins = _METHODS.get(str(self._original.__module__), (name,))
        return Unknown(f"{self._name}.{name}") if callable(value) and name in begins else None


class _Class(Unknown):
    """The role of a class."""

    def __init__(self, name: str, original: type) -> None:
        super().__init__(name)
        self._objects = _Parts(name, original)

    def attribute(self, name: str) -> None:
        """Methods belong to its objects."""

    def result(self) -> Role:
        """The role of its objects."""
        return self._objects


def unknown_role(original: Any) -> Role | None:
    """The role of what makes calls and belongs to no client; ``None``: it makes none.

    :param original: a function, a class, a module or an object of the application or a library.
    """
    if isinstance(original, staticmethod | classmethod):
        original = original.__func__
    if isinstance(original, ModuleType):
        name = original.__name__
        is_one = name in _STANDARD or name.partition(".")[0] in (*_LIBRARIES, "urllib3")
        return _Parts(name, original) if is_one else None
    is_function = isinstance(original, FunctionType | type(len))
    kind = original if is_function or isinstance(original, type) else type(original)
    module, name = str(getattr(kind, "__module__", "")), kind.__qualname__
    if not _makes_calls(module, name):
        return None
    if is_function:
        return Unknown(f"{module}.{name}")
    if issubclass(kind, BaseException):
        return None
    words = f"{module}.{name}"
    return _Class(words, kind) if kind is original else _Parts(words, kind)


def _makes_calls(module: str, name: str) -> bool:
    if module in _STANDARD:
        return name.partition(".")[0] in _STANDARD[module]
    return module.partition(".")[0] in _LIBRARIES
