"""Logs of the box: one JSON line per event on stderr, identifiers and codes only.

Rule 10 of the design: no name, INS, address or title. As a second barrier behind the rule, a processor blots out whatever looks like a
matricule or a mail address, whoever wrote it, exceptions included.
"""

from __future__ import annotations

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger
from typing_extensions import override

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
            structlog.processors.format_exc_info,
            _redact_event,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactingFormatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _redact_event(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    del logger, method
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


class _RedactingFormatter(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
