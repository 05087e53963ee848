"""The table that turns a fault of INSi into one of `gateway.ins.errors` (insi.md 3.7, error_codes.csv: only codes actually seen).

The detail decides first, then the code of the framework, then who is to blame. No text of the service decides or is kept: only codes go
into `technical`. The full tables are not public: what no row knows is transient when the service blames itself, permanent otherwise.
"""

from __future__ import annotations

from gateway.ins import errors
from gateway.ins.fault import Fault

DETAILS: dict[str, type[errors.FromInsi]] = {
    "desir_550": errors.InsiSoftwareUnknown,
    "desir_560": errors.InsiAccessRefused,
    "desir_1020": errors.InsiUnavailable,
    "insi_101": errors.InsiUnavailable,
    "insi_102": errors.InsiUnavailable,
}
FRAMEWORK: dict[str, type[errors.FromInsi]] = {
    "siram_40": errors.InsiUnavailable,
    "siram_100": errors.InsiSoftwareRefused,
}
NOT_FOUND_ON_QUALIFICATION = frozenset({"insi_101", "insi_102"})
"""The editors' platform says "nobody of that name" this way: it cannot answer 01 (insi.md 0.5)."""

_NOT_THE_SERVICE = frozenset({401, 403, 404, 405, 407, 410})
_FRONT_END = frozenset({429, 502, 503, 504})


def error_of_fault(fault: Fault, *, platform: str, software: str) -> errors.FromInsi:
    """The error a fault stands for; `software` is the name of the calling software, told when its number is refused."""
    technical = " ".join(one for one in ("fault", fault.siram, fault.code) if one)
    if platform == "qualification" and fault.code in NOT_FOUND_ON_QUALIFICATION:
        return errors.InsiNotFoundOrDown(technical)
    kind = DETAILS.get(fault.code) or FRAMEWORK.get(fault.siram)
    if kind is None:
        kind = errors.InsiRefused if fault.sender else errors.InsiInternalError
    return kind(technical, software=software)


def error_of_status(status: int, technical: str) -> errors.FromInsi:
    """The error an answer without a readable envelope stands for, by its HTTP status."""
    detail = f"HTTP {status}, {technical}"
    if status in _FRONT_END:
        return errors.InsiUnavailable(detail)
    if status in _NOT_THE_SERVICE or 300 <= status < 400:
        return errors.InsiAddressRefused(detail)
    if 400 <= status < 500:
        return errors.InsiRefused(detail)
    return errors.InsiUnreadable(detail)
