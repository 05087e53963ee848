"""When to try again: a pure function of the class of the error and the age of the attempts (design, rule 9).

Age doubling as Postfix does it: the next wait is the age of the first attempt, kept between a floor and a ceiling; past `give_up` the
delivery waits for a person instead of dying (mssante.md 7.1: no automatic death).
"""

from __future__ import annotations

from gateway.kernel.config import Backoff, Retry
from gateway.kernel.errors import ErrorClass


def policy_of(error_class: ErrorClass, retry: Retry) -> Backoff | None:
    """The backoff of a class; None when a machine does not repeat it (permanent, human)."""
    return {
        ErrorClass.TRANSIENT: retry.transient,
        ErrorClass.CONFIGURATION: retry.configuration,
        ErrorClass.UNKNOWN: retry.unknown,
        ErrorClass.PERMANENT: None,
        ErrorClass.HUMAN: None,
    }[error_class]


def longest_wait(retry: Retry) -> float:
    """Seconds that no policy puts a delivery off beyond: a date farther away comes from a clock that was wrong."""
    return max(retry.transient.ceiling, retry.configuration.ceiling, retry.unknown.ceiling) + retry.mail_unknown_wait


def next_wait(backoff: Backoff, age_seconds: float) -> float | None:
    """Seconds before the next attempt of something first tried `age_seconds` ago; None when it is time to ask a person."""
    if age_seconds >= backoff.give_up:
        return None
    return min(max(age_seconds, backoff.floor), backoff.ceiling)
