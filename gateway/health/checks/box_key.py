"""Where the key that protects the box is kept, and whether a way back exists when the TPM refuses (cards.md 5.2, image.md 6)."""

from __future__ import annotations

from gateway.health.check import Result, Severity, Site
from gateway.trust.boxkey_custody import Custody

_SAID = {
    "credential": "La clé du boîtier est remise par systemd au démarrage.",
    "tpm": "La clé du boîtier est scellée par la puce de sécurité, avec une copie de secours.",
    "passphrase": "La clé du boîtier est protégée par un mot de passe.",
}
_PLAIN = "La clé du boîtier est dans un simple fichier : qui vole la carte mémoire peut tout lire."
_SEAL = "Scellez-la (relais boxkey tpm) ou protégez-la par un mot de passe (relais boxkey passphrase), à ranger hors du boîtier."
_NO_WAY_BACK = "La clé du boîtier est scellée par la puce de sécurité, sans copie de secours : une mise à jour pourrait la perdre."


_EXPOSED = "La clé du boîtier est protégée, mais une copie en clair est restée à côté : qui vole la carte mémoire peut tout lire."
_AGAIN = {
    "tpm": "Relancez « relais boxkey tpm » : la copie sera effacée.",
    "passphrase": "Relancez « relais boxkey passphrase » : la copie sera effacée.",
}
_BY_HAND = "Effacez du dossier du boîtier le fichier box.key, une fois sûr que le boîtier démarre sans lui."


async def check(site: Site) -> list[Result]:
    """A plain file is a warning in production: it protects a copied backup, not a stolen card."""
    custody = Custody(site.home, site.configuration.box_key)
    if custody.kind == "tpm" and not custody.recoverable:
        return [_result(Severity.ERROR, _NO_WAY_BACK, "Relancez « relais boxkey tpm » pendant que la puce rend encore la clé.")]
    if custody.exposed:
        return [_result(Severity.ERROR, _EXPOSED, _AGAIN.get(custody.kind, _BY_HAND))]
    if custody.kind != "file":
        return [_result(Severity.OK, _SAID[custody.kind])]
    if site.configuration.environment == "production":
        return [_result(Severity.WARNING, _PLAIN, _SEAL)]
    return [_result(Severity.OK, _PLAIN)]


def _result(severity: Severity, what: str, gesture: str = "") -> Result:
    return Result(check="box-key", severity=severity, what=what, gesture=gesture)
