"""The name of this process, from which any other process of the machine can tell later whether it still lives.

A number alone does not do: numbers are used again, and a container counts its own. So the name holds the machine, the
number, and a mark of the machine's start, of the container and of the moment at which the process began.
"""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

_PROC = Path("/proc")
_ASKING_KILLS = os.name == "nt"
"""On Windows the signal 0, by which others ask whether a process lives, is Ctrl+C, and any other ends it at once."""


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return ""


def _container() -> str:
    try:
        return "".join(filter(str.isdigit, str((_PROC / "self/ns/pid").readlink())))
    except OSError:
        return ""


def _born(pid: int) -> str | None:
    """Return when a process began, in ticks since the machine did; `None` if that cannot be seen, empty if it ended."""
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return "" if fields[0] in (b"Z", b"X") else fields[19].decode()
    except (OSError, IndexError):
        return None


_HOST = socket.gethostname()
_BOOT, _CONTAINER = _boot(), _container()
_MARK = f"{_BOOT}-{_CONTAINER}-{_born(os.getpid())}" if _BOOT and _CONTAINER else secrets.token_hex(6)
THIS = f"{_HOST}:{os.getpid()}:{_MARK}"


def is_gone(name: str, *, one_machine: bool) -> bool:
    """Tell whether the process with this name has certainly ended.

    `one_machine` says that all processes that are asked about share this machine, as those of a SQLite file do. Else a
    machine or container that happens to bear the same host name must not be taken for this one.
    """
    host, pid, mark = (*name.split(":"), "", "")[:3]
    if host != _HOST or not pid.isdecimal() or _ASKING_KILLS:
        return False
    boot, container, born = (*mark.split("-"), "", "")[:3] if mark.count("-") == 2 else ("", "", "")
    if (boot, container) != (_BOOT, _CONTAINER):
        if not one_machine or (container and container != _CONTAINER):
            return False
        if boot:  # the machine was started anew since
            return True
    if int(pid) == os.getpid():
        return mark not in ("", _MARK)
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    now_born = _born(int(pid))
    return now_born == "" or bool(born and now_born and born != now_born)


def is_alive(name: str) -> bool:
    """Tell whether the process with this name certainly lives: it is seen here and began when that one did.

    Where processes cannot be looked at (Windows, macOS) that is only known of this one.
    """
    host, pid, mark = (*name.split(":"), "", "")[:3]
    boot, container, born = (*mark.split("-"), "", "")[:3]
    is_here = bool(_BOOT and _CONTAINER) and (host, boot, container) == (_HOST, _BOOT, _CONTAINER)
    return name == THIS or (is_here and pid.isdecimal() and bool(born) and _born(int(pid)) == born)


def shown(name: str) -> str:
    """Return the name as people read it."""
    host, pid, _mark = (*name.split(":"), "", "")[:3]
    return f"process {pid} on {host}" if pid else name
