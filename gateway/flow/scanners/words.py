"""Why a scanner is not read, as people are told of it: the words of the device process, in French."""

from __future__ import annotations

from typing import Final

from gateway.kernel.errors import Explanation

_DESK, _INSTALLER = "le secrétariat", "votre installateur"
_TROUBLES: Final[dict[str, tuple[str, str, str]]] = {
    "absent": (_DESK, "Ce lecteur est débranché.", "Vérifiez son câble et son alimentation ; il sera reconnu en quelques secondes."),
    "busy": (
        _INSTALLER,
        "Un autre programme du boîtier occupe la prise de ce lecteur.",
        "Faites arrêter l'autre programme : le lecteur sera repris tout seul.",
    ),
    "forbidden": (
        _INSTALLER,
        "Le boîtier n'a pas le droit d'ouvrir la prise de ce lecteur.",
        "Faites ajouter le service des lecteurs au groupe « dialout » du boîtier.",
    ),
    "failed": (_DESK, "La prise de ce lecteur ne s'ouvre pas.", "Débranchez-le, rebranchez-le ; si cela continue, essayez un autre câble."),
    "unsteady": (
        _DESK,
        "Ce lecteur se coupe dès qu'il est branché : Relais le réessaie de temps en temps.",
        "Essayez un autre câble, puis une autre prise ; si cela continue, faites remplacer le lecteur.",
    ),
    "unused": (
        _INSTALLER,
        "Un appareil est branché ici, mais rien ne dit que c'est un lecteur de codes : Relais n'y touche pas.",
        "Si c'en est un, faites inscrire cette prise dans les réglages des lecteurs.",
    ),
    "flood": (
        _DESK,
        "Ce lecteur envoie sans arrêt, plus vite qu'une personne ne scanne : ses lectures n'ont pas été gardées.",
        "Débranchez-le, éteignez son mode de lecture continue, puis rebranchez-le.",
    ),
}


def trouble_of(word: str) -> Explanation:
    """The explanation of one of these words; of a line that does not open for one that is not known."""
    who, what, gesture = _TROUBLES.get(word, _TROUBLES["failed"])
    return Explanation(code=f"scanner-{word}", who=who, what=what, gesture=gesture)
