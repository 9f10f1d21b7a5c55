"""The TCP sockets of processes, from ``/proc`` of Linux (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

LISTEN = "0A"
"""The state of a listening socket in these tables."""


def inodes_of_sockets(process: Path) -> Iterator[str]:
    """The inodes of the sockets that a process has open."""
    folder = f"{process}/fd"  # An object for each path would take longer than the rest.
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            target = os.readlink(f"{folder}/{name}")
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[len("socket:[") : -1]


def tcp_rows(process: Path) -> Iterator[list[str]]:
    """The fields of each TCP socket that a process can see, from the tables of the kernel."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (process / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        yield from map(str.split, lines)


def listening(process: Path) -> Iterator[tuple[int, str]]:
    """Port and inode of each listening socket that a process can see."""
    for fields in tcp_rows(process):
        if fields[3] == LISTEN:
            yield int(fields[1].rpartition(":")[2], 16), fields[9]
