"""What this process asks of the kernel for itself: its memory holds keys and documents, and is nobody else's to read or to keep.

Best effort: a kernel that refuses stops nothing. Programs started later keep the limits, not the dumpable flag, which ends at their start.
Source: prctl(2) PR_SET_DUMPABLE, getrlimit(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import resource

_PR_SET_DUMPABLE = 4
_DESCRIPTORS = 8192


def harden_process() -> None:
    """No core file, no reading by processes of the same user; as many descriptors as allowed, up to 8192."""
    _limit(resource.RLIMIT_CORE, 0, 0)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        _limit(resource.RLIMIT_NOFILE, wanted, hard)


def _limit(which: int, soft: int, hard: int) -> None:
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(which, (soft, hard))
