"""Writes docs/integrateur/reglages.md: every setting of relais.toml, its default from the code, its words from docs/reglages.toml.

Never leaves a setting out: one without words, or words without a setting, stop it with KeyError. Run from the root of the repository as
`python docs/generate_settings.py`; tests/docs/test_reference.py fails while the committed page is not current. Source: the classes of
gateway/kernel/config.py; what the dossiers mark [K] or [R] bears a doubt here.
"""

# ruff: noqa: INP001 - a script beside the documents, not a package

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from gateway.kernel.config import (
    Backoff,
    Backup,
    BoxKey,
    Bus,
    Certificates,
    Configuration,
    Devices,
    Dmp,
    Esignsante,
    EsignsanteSignature,
    FactoryReset,
    Identification,
    Insi,
    InsiSoftware,
    Limits,
    Listener,
    Mailbox,
    Mss,
    Pairing,
    Professional,
    Replacement,
    Retry,
    ScannerDesk,
    Secretary,
    Structure,
)

PAGE = Path(__file__).parent / "integrateur" / "reglages.md"
_WORDS = Path(__file__).with_name("reglages.toml")

_HEAD = """\
# Les réglages : relais.toml

Cette page est écrite par `docs/generate_settings.py` à partir du code : ne la corrigez pas à la main.

`relais.toml` est lu au démarrage. Un réglage inconnu, mal écrit ou absent empêche Relais de démarrer, et le message dit lequel. Seuls les
réglages « obligatoire » doivent y être ; les autres ont la valeur indiquée. Aucun secret n'y figure : les clés et le numéro
d'homologation sont scellés à part.

**[?]** marque ce que les textes nationaux trouvés ne tranchent pas : la valeur par défaut est la plus probable et doit être confirmée
avant la production. La raison est donnée à côté.
"""

SECTIONS: tuple[tuple[type[msgspec.Struct], str, str], ...] = (
    (Configuration, "En tête du fichier", "Avant la première section entre crochets."),
    (Listener, "[listener]", "L'API et la page."),
    (Limits, "[limits]", "Tailles et débits qui protègent le boîtier."),
    (Retry, "[retry]", "Les réessais. L'attente double avec l'âge de l'envoi, entre un plancher et un plafond."),
    (
        Backoff,
        "[retry.transient], [retry.configuration], [retry.unknown]",
        "Une section par classe d'erreur : panne passagère, réglage à corriger, réponse perdue. Qui en écrit une donne ses trois valeurs.",
    ),
    (Dmp, "[dmp]", "L'accès au DMP."),
    (Mss, "[mss]", "Ce que toutes les boîtes MSSanté ont en commun."),
    (Insi, "[insi]", "L'accès au téléservice INSi."),
    (
        InsiSoftware,
        "[[insi.software]]",
        "Une par logiciel de cabinet connu du CNDA, chacun avec son numéro d'autorisation.",
    ),
    (Identification, "[identification]", "La tenue des identités (RNIV)."),
    (Certificates, "[certificates]", "Le passage d'un certificat au suivant ([comment renouveler](certificats.md))."),
    (Bus, "[bus]", "Le serveur MQTT du cabinet ([ce qui y est publié](mqtt.md)) ; désactivé tant que `host` n'est pas donné."),
    (
        Devices,
        "[devices]",
        "Lecteurs de cartes, de codes et voyants ; désactivés tant que `start` n'est pas donné ([les lecteurs de cartes](cartes.md)).",
    ),
    (
        ScannerDesk,
        "[[scanners]]",
        "Une par lecteur de codes au poste fixé ici ([les lecteurs de codes](lecteurs.md)) ; les autres s'associent depuis la page.",
    ),
    (Pairing, "[pairing]", "L'association des postes ([par le bouton du boîtier](panneau.md))."),
    (
        FactoryReset,
        "[factory_reset]",
        "L'effacement demandé au bouton ([la façade](panneau.md#le-retour-aux-réglages-dusine)).",
    ),
    (BoxKey, "[box_key]", "Où est gardée la clé qui protège tout ce que contient le boîtier ([les choix](cles.md))."),
    (Backup, "[backup]", "Les sauvegardes chiffrées ([sauvegarder, restaurer, remplacer](sauvegarde.md))."),
    (
        Replacement,
        "[replacement]",
        "Comment un boîtier apprend qu'un autre a pris sa place ([remplacer](sauvegarde.md#remplacer-un-boîtier)).",
    ),
    (Esignsante, "[esignsante]", "Les routes compatibles avec esignsante ([guide](../editeur/esignsante.md))."),
    (EsignsanteSignature, "[[esignsante.signatures]]", "Une par `idSignConf` que le logiciel envoie déjà."),
    (Structure, "[[structures]]", "Une par structure juridique du boîtier."),
    (Mailbox, "[structures.mailbox]", "La boîte aux lettres de la structure qui précède ; facultative."),
    (Professional, "[[structures.professionals]]", "Une par professionnel de la structure qui précède."),
    (
        Secretary,
        "[[structures.secretaries]]",
        "Une par personne qui tient les identités sans être professionnel de santé.",
    ),
)
_RETRIES = ("transient", "configuration", "unknown")


def render() -> str:
    """The whole page, Markdown; raises KeyError for a setting without words or words without a setting."""
    words = msgspec.toml.decode(_WORDS.read_bytes(), type=dict[str, dict[str, dict[str, Any]]])
    return _HEAD + "".join(_section(kind, title, text, words.pop(kind.__name__)) for kind, title, text in SECTIONS) + _nothing_left(words)


def _section(kind: type[msgspec.Struct], title: str, text: str, words: dict[str, dict[str, Any]]) -> str:
    rows = []
    for field in msgspec.structs.fields(kind):
        if _is_section(kind, field):
            continue
        told = words.pop(field.name)
        rows.append(f"| `{field.name}` | {_default(kind, field)} | {_said(told)} |")
    head = ["| Réglage | Valeur par défaut | Ce que c'est |", "|---|---|---|"]
    return "\n".join(["", f"## {title}", "", text, "", *head, *rows, ""]) + _nothing_left(words)


def _is_section(kind: type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> bool:
    """True for what has a section of its own and no words here."""
    sections = (
        _RETRIES
        if kind is Retry
        else (
            "listener",
            "limits",
            "retry",
            "dmp",
            "mss",
            "insi",
            "identification",
            "certificates",
            "bus",
            "esignsante",
            "scanners",
            "devices",
            "pairing",
            "factory_reset",
            "box_key",
            "backup",
            "replacement",
            "structures",
        )
    )
    return kind in (Configuration, Retry) and field.name in sections


def _default(kind: type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> str:
    if kind is Backoff:
        return " / ".join(_written(getattr(getattr(Retry(), name), field.name)) for name in _RETRIES)
    if isinstance(field.default, Backoff):
        return " / ".join(_written(one) for one in msgspec.structs.astuple(field.default))
    if field.default is not msgspec.NODEFAULT:
        return "aucune" if field.default is None else _written(field.default)
    if field.default_factory is not msgspec.NODEFAULT:
        return _written(field.default_factory())
    return "obligatoire"


def _written(value: object) -> str:
    """A value as TOML writes it."""
    text = f"{value:g}" if isinstance(value, float) and value < 1e6 else json.dumps(value, ensure_ascii=False)
    return f"`{text.removesuffix('.0')}`"


def _said(told: dict[str, Any]) -> str:
    doubt = f" **[?]** {told['doute']}" if "doute" in told else ""
    return f"{told['quoi']}{doubt}"


def _nothing_left(words: dict[str, Any]) -> str:
    if words:
        raise KeyError(*words)
    return ""


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
