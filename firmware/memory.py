"""Thrift with memory on a small box: the C library keeps few pools, gives back what is free when asked, and garbage is sought where it is.

Every thread would otherwise grow a pool of its own, which keeps what a large document once took. Does nothing on another C library than
glibc. Source: stack.md section 9 (memory of large documents); glibc manual, mallopt and malloc_trim.
"""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

_ARENA_MAX = -8
_POOLS = 2


def keep_few_pools() -> None:
    """To be called before threads are started."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _POOLS)


def settle() -> None:
    """To be called once everything is loaded: it stays for the life of the process, and is not searched for garbage again and again."""
    gc.freeze()


def give_back() -> None:
    """Return free memory to the kernel; some milliseconds, worth it once a large document is done."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
