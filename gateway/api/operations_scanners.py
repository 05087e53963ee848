"""The operations on barcode scanners as vendors read them; joined to the table of `operations`."""

from __future__ import annotations

from gateway.api.operations import Answer, Operation, Parameter, text

_TAG = "Lecteurs de codes"


_SCANNER = Parameter(
    name="scanner_id", place="path", schema=text(), what="Identifiant rendu par `GET /scanners`, le même après rebranchement."
)
_READING = Parameter(name="reading_id", place="path", schema=text(), what="Identifiant donné par l'événement `scan.read`.")
_ACT = (400, 401, 404, 409, 429, 503)


def _act(verb: str, name: str, summary: str, answer: Answer) -> Operation:
    return Operation(
        method="post",
        path=f"/scanners/{{scanner_id}}/{verb}",
        name=name,
        tag=_TAG,
        summary=summary,
        parameters=(_SCANNER,),
        answers={200: answer},
        refusals=_ACT,
    )


_STANDS = Answer(what="Le lecteur à cet instant", schemas=("ScannerView",))

SCANNER_OPERATIONS = (
    Operation(
        method="get",
        path="/scanners",
        name="listScanners",
        tag=_TAG,
        summary="Lister les lecteurs de codes du boîtier",
        answers={200: Answer(what="Branchés ou connus", schemas=("ScannerView",), listed=True)},
        refusals=(400, 401, 429, 503),
    ),
    _act("pair", "pairScanner", "Associer un lecteur à ce poste : ses lectures lui sont données, et à lui seul", _STANDS),
    _act("unpair", "unpairScanner", "Ne plus associer un lecteur : ses lectures sont oubliées", _STANDS),
    _act(
        "test",
        "testScanner",
        "Essayer un lecteur pendant une minute : vitesse et parité sont cherchées, chaque lecture est donnée en entier avec des conseils",
        Answer(what="L'essai commence", schemas=("ScannerTestView",)),
    ),
    Operation(
        method="get",
        path="/scanners/{scanner_id}/reading/{reading_id}",
        name="readReading",
        tag=_TAG,
        summary="Lire ce qu'un lecteur vient de scanner : une seule fois, dans la minute, depuis le poste associé",
        parameters=(_SCANNER, _READING),
        answers={200: Answer(what="La lecture, qui est oubliée aussitôt", schemas=("ReadingView",))},
        refusals=(400, 401, 404, 429, 503),
    ),
)
