"""The revocation lists are held and fresh: past their end, mail operators can no longer be verified and nothing is handed to them."""

from __future__ import annotations

from gateway.health.check import Result, Severity, Site
from gateway.kernel.home import Home
from gateway.trust.chain import read_authorities
from gateway.trust.revocation import RevocationLists


async def check(site: Site) -> list[Result]:
    """Looks at the lists kept from the last fetch; asks nothing of the network. Raises ChainUntrusted."""
    try:
        anchors = Home(site.home).anchors.read_bytes()
    except OSError:
        return [_result(Severity.ERROR, "Le fichier des autorités (anchors.pem) manque.", "Demandez-le à votre installateur.")]
    lists = RevocationLists(site.home, read_authorities(anchors))
    if not lists.held():
        gesture = "Vérifiez que le boîtier est relié à Internet : il ira la chercher tout seul."
        return [_result(Severity.WARNING, "Aucune liste de certificats révoqués n'a encore été reçue.", gesture)]
    if lists.stale(site.clock.now()):
        gesture = "Vérifiez que le boîtier est relié à Internet ; la messagerie reprendra dès que la liste sera renouvelée."
        return [_result(Severity.ERROR, "La liste des certificats révoqués est périmée.", gesture)]
    return [_result(Severity.OK, "La liste des certificats révoqués est à jour.")]


def _result(severity: Severity, what: str, gesture: str = "") -> Result:
    return Result(check="revocation-lists", severity=severity, what=what, gesture=gesture)
