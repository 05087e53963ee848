"""`relais boxkey`: where the key that protects the box is kept, and the moves to something stronger. A running box notices nothing."""

from __future__ import annotations

from typing import Literal

from gateway.commands.passphrase import read_passphrase
from gateway.kernel.config import BoxKey, ConfigurationInvalid, read_configuration
from gateway.kernel.home import Home
from gateway.trust.boxkey_custody import Custody, Kind

Action = Literal["show", "tpm", "passphrase", "recover"]

_KEPT: dict[Kind, str] = {
    "credential": "La clé du boîtier est remise par systemd au démarrage.",
    "tpm": "La clé du boîtier est scellée par la puce de sécurité (TPM).",
    "passphrase": "La clé du boîtier est protégée par un mot de passe.",
    "file": "La clé du boîtier est dans un simple fichier (box.key) : qui copie la carte mémoire peut tout lire.",
}


def boxkey(home: Home, action: Action, descriptor: int | None) -> int:
    """Say it or do it; raises BoxKeyUnavailable and its kin, PassphraseNotGiven."""
    custody = Custody(home.root, _settings(home))
    match action:
        case "show":
            custody.source().load()
        case "tpm":
            custody.to_tpm(read_passphrase("Mot de passe de secours (à noter et ranger hors du boîtier)", descriptor, twice=True))
        case "passphrase":
            custody.to_passphrase(read_passphrase("Nouveau mot de passe du boîtier", descriptor, twice=True))
        case "recover":
            custody.recover(read_passphrase("Mot de passe de secours", descriptor))
    print(_KEPT[custody.kind])
    return 0


def _settings(home: Home) -> BoxKey:
    try:
        return read_configuration(home.configuration).box_key
    except ConfigurationInvalid:
        if home.configuration.exists():
            raise
        return BoxKey()
