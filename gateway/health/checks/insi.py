"""INSi can be called: address, software numbers, and the two certificates of each structure under their exact names (insi.md 2.3, 11).

Asks nothing of the network. The certificates live three years and fail without a word: people are warned from 90 days before the end.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.health.check import Result, Severity, Site
from gateway.kernel.config import Structure
from gateway.kernel.errors import RelaisError
from gateway.trust.certificate import load_certificate, signing_end
from gateway.trust.roles import INSI_NAMES, Role, check_role

_WARN_BEFORE = timedelta(days=90)
_ASKERS = {Role.INSI_MANU: "les recherches du personnel", Role.INSI_AUTO: "les vérifications faites par le boîtier"}
_RENEW = "Demandez son renouvellement à l'ANS."


async def check(site: Site) -> list[Result]:
    """One result for the settings, then one per structure and certificate; a single one when INSi is not used."""
    settings = site.configuration.insi
    if settings.url is None and settings.card_url is None:
        return [_result(Severity.OK, "Le téléservice INSi n'est pas utilisé par ce boîtier.")]
    if not settings.software:
        gesture = "Ajoutez à la configuration le numéro d'autorisation CNDA du logiciel métier."
        return [_result(Severity.ERROR, "Aucun logiciel n'est déclaré pour le téléservice INSi.", gesture)]
    if settings.injection:
        results = [_result(Severity.WARNING, "Les réponses INSi viennent de fichiers d'essai.", "Retirez « injection » après les essais.")]
    else:
        results = [_result(Severity.OK, f"Le téléservice INSi est configuré pour {len(settings.software)} logiciel(s).")]
    if settings.url is not None:
        results += [_certificate(site, structure, role) for structure in site.configuration.structures for role in INSI_NAMES]
    return results


def _certificate(site: Site, structure: Structure, role: Role) -> Result:
    name = f"certificat {INSI_NAMES[role]} de {structure.name}"
    try:
        leaf = load_certificate(site.keys.certificate(structure.id, role))
    except RelaisError:
        missing = f"Il manque le {name} : {_ASKERS[role]} ne pourront pas interroger INSi."
        severity = Severity.ERROR if role is Role.INSI_MANU else Severity.WARNING
        return _result(severity, missing, "Commandez ce certificat à l'ANS, puis importez-le dans le boîtier.")
    try:
        check_role(leaf, role)
    except RelaisError as problem:
        return _result(Severity.ERROR, f"Le {name} ne convient pas. {problem.explanation.what}", problem.explanation.gesture)
    now, end = site.clock.now(), signing_end(leaf)
    if end <= now:
        return _result(Severity.ERROR, f"Le {name} a expiré le {end:%d/%m/%Y}.", _RENEW)
    if end <= now + _WARN_BEFORE:
        return _result(Severity.WARNING, f"Le {name} expire le {end:%d/%m/%Y}, dans {(end - now).days} jours.", _RENEW)
    return _result(Severity.OK, f"Le {name} est valable jusqu'au {end:%d/%m/%Y}.")


def _result(severity: Severity, what: str, gesture: str = "") -> Result:
    return Result(check="insi", severity=severity, what=what, gesture=gesture)
