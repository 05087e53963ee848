"""Writes docs/reference/types.md: the document types a caller may name, with the class that the national table gives to each.

Never holds a code: they are read from gateway.nomenclature, which names their source. Run from the root of the repository as
`python docs/generate_types.py`; tests/docs/test_reference.py fails while the committed page is not current.
"""

# ruff: noqa: INP001 - a script beside the documents, not a package

from __future__ import annotations

from pathlib import Path

from gateway.nomenclature.documents import class_of_type
from gateway.nomenclature.refusals import TypeWithoutClass
from gateway.nomenclature.tables import table

PAGE = Path(__file__).parent / "reference" / "types.md"

_HEAD = """\
# Les types de document

Cette page est écrite par `docs/generate_types.py` à partir des tables du produit : ne la corrigez pas à la main.

Le code de la première colonne va dans `document.type`. Relais en déduit la classe ; il ne la demande pas. Source : {source},
version {version}.

Les plus courants en ville : `57833-6` ordonnance, `11488-4` compte rendu de consultation, `96349-6` lettre d'adressage, `89601-9`
certificat, `PRESC-BIO`, `PRESC-INF` et `PRESC-KINE` pour les autres prescriptions.

| Code | Libellé | Classe |
|---|---|---|
"""


def render() -> str:
    """The whole page, Markdown."""
    types = table("document_types")
    rows = [f"| `{code}` | {types.concepts[code].label} | {_class_of(code)} |\n" for code in sorted(types.concepts)]
    return _HEAD.format(source=types.info.source, version=types.info.version) + "".join(rows)


def _class_of(code: str) -> str:
    try:
        found = class_of_type(code)
    except TypeWithoutClass:
        return "aucune : refusé (`document-type-without-class`)"
    return f"{found.code}, {found.label}"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
