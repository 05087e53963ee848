"""The operations of the front of the box, pairing first, as vendors read them; joined to the table of `operations`."""

from __future__ import annotations

from gateway.api.operations import Answer, Operation

_TAG = "Boîtier"
_WINDOW = Answer(what="L'association à cet instant", schemas=("PairingView",))


def _act(verb: str, summary: str) -> Operation:
    return Operation(
        method="post",
        path=f"/pairing/{verb}",
        name=f"{verb}Pairing",
        tag=_TAG,
        summary=summary,
        answers={200: _WINDOW},
        refusals=(400, 401, 403, 429, 503),
    )


PAIRING_OPERATIONS = (
    Operation(
        method="post",
        path="/pairing",
        name="pairWorkstation",
        tag=_TAG,
        summary="Demander le jeton d'un nouveau poste, sans jeton, dans les minutes qui suivent un appui sur le bouton du boîtier. "
        "Un seul poste l'obtient, et il n'est donné qu'une fois",
        body="PairingBody",
        answers={201: Answer(what="Le poste est associé ; l'association se referme", schemas=("PairedView",))},
        refusals=(400, 403, 408, 409, 413, 415, 422, 429, 503),
        anonymous=True,
    ),
    _act("open", "Ouvrir l'association, comme le bouton le fait : réservé à l'accès installateur"),
    _act("close", "Refermer l'association avant la fin : réservé à l'accès installateur"),
    Operation(
        method="post",
        path="/reset/dismiss",
        name="dismissReset",
        tag=_TAG,
        summary="Annuler le retour aux réglages d'usine demandé au bouton, tant que son délai court ; permis à tout poste",
        answers={200: Answer(what="La façade à cet instant", schemas=("FrontView",))},
        refusals=(400, 401, 409, 429, 503),
    ),
)
