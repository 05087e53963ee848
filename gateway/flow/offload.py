"""Where work on bytes runs: a small document's on the loop, a large one's on a thread.

Handing work to a thread costs switches that a 100 kB document does not repay, and holding the loop for more than some milliseconds is felt
by the workstations. Only for work whose time is bounded by the size given; never for waiting. Source: stack.md section 12.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

SMALL = 262_144
"""Bytes up to which building, reading or digesting stays within a few milliseconds."""


async def worked(size: int, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What the function gives for its arguments, `size` being the bytes it works on; raises what it raises."""
    if size <= SMALL:
        return function(*args, **kwargs)
    return await asyncio.to_thread(function, *args, **kwargs)
