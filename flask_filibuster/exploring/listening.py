"""The TCP ports that a process listens on, from ``/proc`` of Linux (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from flask_filibuster.instrumentation.witness.tcp import inodes_of_sockets, listening

_PROC = Path("/proc")


def listening_ports(group: int) -> list[int] | None:
    """The ports that the processes of a group listen on.

    :param group: number of the process group.
    :returns: the ports, lowest first; ``None`` on a system without ``/proc``.
    """
    if not (_PROC / "self" / "net" / "tcp").exists():
        return None
    ports: set[int] = set()
    for process in _members(group):
        sockets = set(inodes_of_sockets(process))
        if sockets:
            ports.update(port for port, inode in listening(process) if inode in sockets)
    return sorted(ports)


def _members(group: int) -> Iterator[Path]:
    for process in _PROC.iterdir():
        if process.name.isdigit():
            try:
                if os.getpgid(int(process.name)) == group:
                    yield process
            except OSError:  # It has just ended, or belongs to another user.
                continue
