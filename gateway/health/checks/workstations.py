"""Who may use the box: an operator to let others in, and tokens that are not about to end ([pairing] token_days).

Names no workstation: `relais workstation list` does.
"""

from __future__ import annotations

from gateway.health.check import Result, Severity, Site
from gateway.journal.records import OPERATOR_NAME

_SOON = 30 * 86_400_000


async def check(site: Site) -> list[Result]:
    """One finding for each cause, one OK without any."""
    stations = [one for one in await site.store.workstations() if not one.revoked]
    now, days = int(site.clock.now().timestamp() * 1000), site.configuration.pairing.token_days
    ends = [end for one in stations if (end := one.token_ends(days)) is not None]
    over, soon = sum(end <= now for end in ends), sum(now < end <= now + _SOON for end in ends)
    results: list[Result] = []
    if not any(one.name == OPERATOR_NAME for one in stations):
        gesture = "Arrêtez Relais, lancez « relais workstation add --operator --home DIR », puis redémarrez Relais."
        results.append(_result(Severity.WARNING, "Ce boîtier n'a pas d'accès installateur.", gesture))
    if over:
        gesture = "Donnez-lui un autre jeton : relais workstation list, puis renew."
        results.append(_result(Severity.WARNING, f"Postes dont le jeton a expiré : {over}.", gesture))
    if soon:
        gesture = "Donnez-lui un autre jeton avant cette date : relais workstation list, puis renew."
        results.append(_result(Severity.WARNING, f"Postes dont le jeton expire dans les trente jours : {soon}.", gesture))
    return results or [_result(Severity.OK, f"Postes associés : {sum(one.name != OPERATOR_NAME for one in stations)}.")]


def _result(severity: Severity, what: str, gesture: str = "") -> Result:
    return Result(check="workstations", severity=severity, what=what, gesture=gesture)
