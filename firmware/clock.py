"""Is the kernel's clock kept right? Asked of adjtimex(2), which any time daemon keeps up to date."""

from __future__ import annotations

import ctypes

_TIME_ERROR = 5
_TIMEX_BYTES = 512
"""More than sizeof(struct timex) on any Linux; zeroed, it asks and sets nothing."""


def kernel_synchronised() -> bool:
    """True when adjtimex does not report TIME_ERROR (clock not synchronised); False when it cannot be asked."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        state: int = libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return False
    return 0 <= state != _TIME_ERROR
