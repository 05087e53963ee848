"""What this process asks of the kernel for itself: its memory holds keys and documents, and is nobody else's to read or to keep.

Best effort: a kernel that refuses stops nothing. Programs started later keep the limits, not the dumpable flag, which ends at their start.
Source: prctl(2) PR_SET_DUMPABLE, getrlimit(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4
_DESCRIPTORS = 8192
_NETWORK = frozenset({"socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendmsg", "socket.sendto"})


class NoNetwork(OSError):
    """A library tried to reach somebody from a process that reaches nobody."""


def harden_process() -> None:
    """No core file, no reading by processes of the same user; as many descriptors as allowed, up to 8192."""
    _limit(resource.RLIMIT_CORE, 0, 0)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        _limit(resource.RLIMIT_NOFILE, wanted, hard)


def forbid_network() -> None:
    """From now on nothing in this process opens a connection or looks up a name: NoNetwork. It cannot be undone.

    For libraries that would fetch; no jail for native code. Source: PEP 578.
    """
    sys.addaudithook(_refuse)


def _refuse(event: str, _arguments: object) -> None:
    if event in _NETWORK:
        raise NoNetwork(event)


def _limit(which: int, soft: int, hard: int) -> None:
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(which, (soft, hard))
