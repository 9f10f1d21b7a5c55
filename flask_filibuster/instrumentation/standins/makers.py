"""What makes calls and belongs to no client, by name: in the standard library, and elsewhere.

Nothing is imported: a pytest that looks for signs of calls reads this file before any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

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

_LIBRARIES = frozenset(
    {
        *("aiohttp", "aioredis", "boto3", "botocore", "cassandra", "elasticsearch", "grpc"),
        *("kafka", "kombu", "ldap3", "mysql", "MySQLdb", "paramiko", "pika"),
        *("psycopg", "psycopg2", "pycurl", "pymemcache", "pymongo", "pymysql", "redis"),
        *("treq", "websocket", "zeep"),
    }
)


def maker_of(original: Any) -> Any:
    """What makes calls: a module, a function, or the class of an object; ``None``: nothing.

    >>> import smtplib
    >>> maker_of(smtplib.SMTP), maker_of(print)
    (<class 'smtplib.SMTP'>, None)

    :param original: a function, a class, a module or an object of the application or a library.
    """
    if isinstance(original, staticmethod | classmethod | MethodType):
        original = original.__func__
    if isinstance(original, ModuleType):
        name = original.__name__
        is_one = name in _STANDARD or name.partition(".")[0] in (*_LIBRARIES, "urllib3")
        return original if is_one else None
    is_kind = isinstance(original, FunctionType | BuiltinFunctionType | type)
    kind = original if is_kind else type(original)
    module = str(getattr(kind, "__module__", ""))
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return None
    return kind if _makes_calls(module, kind.__qualname__) else None


def _makes_calls(module: str, name: str) -> bool:
    if module in _STANDARD:
        return name.partition(".")[0] in _STANDARD[module]
    return module.partition(".")[0] in _LIBRARIES
