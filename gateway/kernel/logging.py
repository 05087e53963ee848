"""Logs of the box: one JSON line per event on stderr, identifiers and codes only.

Rule 10 of the design: no name, INS, address or title. The message of a foreign exception may quote any of them: only its type and its
place are written. As a second barrier, whatever looks like a matricule or a mail address is blotted out, whoever wrote it.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, ExcInfo, WrappedLogger
from typing_extensions import override

from gateway.kernel.trace import trace_of

_MATRICULE = re.compile(r"(?<![0-9A-Fa-f])[1-478][0-9]{4}(?:[0-9]{2}|2[AB])[0-9]{6}(?:[0-9]{2})?(?![0-9A-Fa-f])")
_ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
_BLOT = "[…]"


def redact(text: str) -> str:
    """The text without anything that looks like a matricule or a mail address."""
    return _MATRICULE.sub(_BLOT, _ADDRESS.sub(_BLOT, text))


def configure_logging(level: str = "info") -> None:
    """Send structlog and the libraries' warnings to stderr, redacted."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_place),
            _redact_event,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactingFormatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class _Unfailing(io.TextIOBase):
    """A line of log that cannot be written is lost: it must not take a delivery with it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @override
    def write(self, text: str) -> int:
        """Characters written, 0 for a line lost."""
        with contextlib.suppress(OSError, ValueError):
            return self._stream.write(text)
        return 0

    @override
    def flush(self) -> None:
        """Raises nothing."""
        try:  # noqa: SIM105 - also called when the interpreter ends and modules are gone
            self._stream.flush()
        except (OSError, ValueError):
            pass


def _place(exc_info: ExcInfo) -> str:
    return " < ".join([exc_info[0].__name__, *reversed(trace_of(exc_info[1]))])


def _redact_event(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    del logger, method
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


class _RedactingFormatter(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        """The line, redacted."""
        return redact(super().format(record))

    @override
    def formatException(self, ei: Any) -> str:
        """Types and places alone: messages of other people's exceptions may hold data."""
        return _place(ei) if ei[0] is not None else ""
