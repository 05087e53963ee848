"""Where an unexpected error came from, for the log: files and lines only. The text and the values of a foreign error may be health data."""

from __future__ import annotations

import traceback

_FRAMES = 8


def trace_of(error: BaseException) -> list[str]:
    """The innermost calls as `file:line function`, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"{'/'.join(frame.filename.split('/')[-3:])}:{frame.lineno} {frame.name}" for frame in frames]
