"""What the lines of the calendar say to the practice, in French. Nothing here decides anything."""

from __future__ import annotations

from collections.abc import Sequence

ROLE_NAMES = {
    "auth_cli": "Certificat de connexion",
    "sign": "Certificat de signature",
    "insi_manu": "Certificat INSi des recherches demandées",
    "insi_auto": "Certificat INSi des recherches automatiques",
    "mailbox": "Certificat de la messagerie",
}
_NAMES = {
    "lan-server": "Certificat local du boîtier",
    "lan-authority": "Autorité locale du boîtier",
    "lan-former-authority": "Autorité locale installée sur les postes",
    "broker-client": "Certificat présenté au serveur MQTT",
}
_NOTHING_LOST = "Rien n'est perdu : tout attend dans le boîtier."
_ROLE_STOPS = {
    "auth_cli": f"Les documents de cette structure ne partent plus, ni vers le DMP ni par la messagerie. {_NOTHING_LOST}",
    "auth_cli_dmp": f"Les documents de cette structure ne partent plus vers le DMP. {_NOTHING_LOST}",
    "sign": f"Les documents de cette structure ne sont plus signés et ne partent plus vers le DMP. {_NOTHING_LOST}",
    "insi_manu": "Les recherches d'INS demandées par une personne s'arrêtent pour cette structure.",
    "insi_auto": "Les recherches et vérifications d'INS que le boîtier fait seul s'arrêtent pour cette structure.",
    "mailbox": f"Les documents de cette structure ne partent plus par la messagerie. {_NOTHING_LOST}",
}
_ORIGIN_STOPS = {
    "next": "Rien ne s'arrête : ce certificat n'est pas encore utilisé.",
    "lan-server": "Les postes du cabinet ne peuvent plus joindre le boîtier.",
    "lan-authority": "Les postes du cabinet ne reconnaissent plus le boîtier.",
    "lan-former-authority": "Les postes qui n'ont pas installé la nouvelle autorité locale ne reconnaissent plus le boîtier.",
    "authority": f"Les certificats et les services que cette autorité a certifiés ne sont plus reconnus. {_NOTHING_LOST}",
    "broker-client": "Les nouvelles du boîtier ne sont plus publiées par MQTT. Les documents partent comme d'habitude.",
    "broker-authority": "Le serveur MQTT n'est plus reconnu et rien n'y est publié. Les documents partent comme d'habitude.",
    "revocation-list": "La messagerie s'arrête pour toutes les structures ; le DMP continue avec la dernière liste connue.",
}
_RENEW = "Demandez le renouvellement à l'ANS avant cette date, tant que le certificat est valable, puis importez le nouveau dans Relais."
_WAITS = "Aucune action si l'essai du certificat suivant est bon : Relais le mettra en service. Regardez la page « Certificats »."
_GESTURES = {
    "current": _RENEW,
    "next": "Aucune action avant sa mise en service.",
    "lan-server": "Aucune action : Relais le renouvelle un mois avant. Si la date est proche, appelez votre installateur.",
    "lan-authority": "Aucune action : Relais la renouvelle un an avant, et vous dira quand installer la nouvelle sur les postes.",
    "lan-former-authority": "Installez sur chaque poste la nouvelle autorité locale du boîtier (fichier lan-ca.pem).",
    "authority": "Demandez à votre installateur le fichier à jour des autorités (anchors.pem) avant cette date.",
    "broker-client": "Demandez un nouveau certificat à qui tient le serveur MQTT, puis enregistrez-le dans le boîtier.",
    "broker-authority": "Demandez le fichier à jour à qui tient le serveur MQTT, puis remplacez celui du boîtier (réglage bus.ca).",
    "revocation-list": "Aucune action : Relais la renouvelle chaque jour. Si la date est proche, vérifiez la connexion à Internet.",
}


def name_of(origin: str, role: str, name: str) -> str:
    """What the certificate, authority or list is called."""
    if origin == "authority":
        return f"Autorité « {name} »"
    if origin == "broker-authority":
        return f"Autorité du serveur MQTT « {name} »"
    if origin == "revocation-list":
        return f"Liste des certificats révoqués de « {name} »"
    if origin in _NAMES:
        return _NAMES[origin]
    told = ROLE_NAMES.get(role, f"Certificat {role}")
    return f"{told} (suivant)" if origin == "next" else told


def owner_of(structure: str, structures: Sequence[str]) -> str:
    """Whose it is."""
    if structure:
        return f"structure {structure}"
    if len(structures) == 1:
        return f"le boîtier (structure {structures[0]})"
    return f"le boîtier (structures {', '.join(structures)})" if structures else "le boîtier"


def stops_of(origin: str, role: str, happening: str, *, after_key: bool) -> str:
    """What stops on that date; `after_key` when the key has stopped signing before."""
    if happening == "begins":
        return "Avant cette date, ce certificat ne peut pas servir."
    if after_key:
        return "Rien de plus : la clé de ce certificat ne sert déjà plus."
    if origin != "current":
        return _ORIGIN_STOPS[origin]
    return _ROLE_STOPS.get(role, f"Ce qui demande ce certificat s'arrête pour cette structure. {_NOTHING_LOST}")


def gesture_of(origin: str, happening: str, *, waits: bool) -> str:
    """What to do before it; `waits` when the next certificate is already there."""
    if happening == "begins":
        return "Vérifiez d'abord la date et l'heure du boîtier ; si elles sont justes, attendez cette date."
    return _WAITS if waits else _GESTURES[origin]
