"""What stands before the root of a CDA: nothing that would make a reader's screen fetch something elsewhere.

A style sheet by a local name is how the CI-SIS presents a document; anywhere else it is a way to run code at the recipient's or to learn
that the document was opened. Beside it only the notes of an XML editor that every official sample of the ANS carries are let through.
Never follows a reference. Sources: W3C xml-stylesheet (pseudo-attributes, section 3); WHATWG URL (what a browser strips and reads as `/`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from lxml import etree

from gateway.cda.finding import Finding

_STYLE = "xml-stylesheet"
_KNOWN = (_STYLE, "oxygen")
_ATTRIBUTE = re.compile(r"""\s*([A-Za-z_][\w.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_STRIPPED = re.compile(r"[\x00-\x20]")


def check_prolog(root: etree._Element) -> Iterator[Finding]:
    """Findings on the processing instructions before the root element."""
    for node in root.itersiblings(preceding=True):
        if not isinstance(node, etree._ProcessingInstruction):
            continue
        if node.target not in _KNOWN:
            yield Finding("instruction", "prolog", "une instruction de traitement inconnue précède le document")
        elif not _is_local(node):
            yield Finding("instruction-elsewhere", "prolog", "le document renvoie à un fichier extérieur, par exemple une feuille de style")


def _is_local(node: etree._ProcessingInstruction) -> bool:
    """True when every value stays beside the document; what cannot be read as pseudo-attributes does not."""
    text, position = (node.text or "").rstrip(), 0
    while position < len(text):
        found = _ATTRIBUTE.match(text, position)
        if found is None:
            return False
        position = found.end()
        if _goes_elsewhere(html.unescape(found[2] if found[2] is not None else found[3])):
            return False
    return True


def _goes_elsewhere(value: str) -> bool:
    bare = _STRIPPED.sub("", value)
    return bool(_SCHEME.match(bare)) or bare.startswith("\\") or bare.replace("\\", "/").startswith("//")
