"""Each certificate in use, and each one that waits, leads to a configured authority and is not revoked by the lists held."""

from __future__ import annotations

from gateway.health.check import Result, Severity, Site
from gateway.kernel.errors import RelaisError
from gateway.kernel.home import Home
from gateway.trust.certificate import CertificateSummary, load_certificate
from gateway.trust.chain import Authorities, build_path, read_authorities
from gateway.trust.errors import CertificateRevoked
from gateway.trust.revocation import RevocationLists, certificate_lists, revocation_of
from gateway.trust.roles import Role
from gateway.trust.slots import Slot

_FIX = "Demandez le fichier des autorités (anchors.pem) à votre installateur."


async def check(site: Site) -> list[Result]:
    """One result per certificate; asks nothing of the network. Raises ChainUntrusted for broken authorities."""
    try:
        authorities = read_authorities(Home(site.home).anchors.read_bytes())
    except OSError:
        return [_result(Severity.ERROR, "Les certificats ne peuvent pas être vérifiés : il manque anchors.pem.", _FIX)]
    results = [
        _result(Severity.ERROR, f"La clé {role} de la structure {structure} n'est plus lisible.", "Importez de nouveau ce certificat.")
        for structure, role in site.keys.unreadable()
    ]
    for slot in (Slot.CURRENT, Slot.NEXT):
        results += [_judged(site, authorities, one, slot) for one in site.keys.summaries(slot)]
    return results


def _judged(site: Site, authorities: Authorities, one: CertificateSummary, slot: Slot) -> Result:
    name = f"Le certificat {one.role}{' suivant' if slot is Slot.NEXT else ''} de la structure {one.structure_id}"
    try:
        _judge(site, authorities, one.structure_id, Role(one.role), slot)
    except RelaisError as problem:
        severity = Severity.ERROR if slot is Slot.CURRENT else Severity.WARNING
        return _result(severity, f"{name} n'est pas bon. {problem.explanation.what}", problem.explanation.gesture)
    return _result(Severity.OK, f"{name} remonte à une autorité reconnue et n'est pas révoqué.")


def _judge(site: Site, authorities: Authorities, structure: str, role: Role, slot: Slot) -> None:
    now = site.clock.now()
    leaf = load_certificate(site.keys.certificate(structure, role, slot))
    path = build_path(leaf, authorities, now, [load_certificate(der) for der in site.keys.issuers(structure, role, slot)])
    lists = certificate_lists(RevocationLists(site.home, authorities).held())
    found = revocation_of(leaf, path[1], lists, now)
    if found.revoked_at is not None:
        raise CertificateRevoked(date=f"{found.revoked_at:%d/%m/%Y}")


def _result(severity: Severity, what: str, gesture: str = "") -> Result:
    return Result(check="certificate-chains", severity=severity, what=what, gesture=gesture)
