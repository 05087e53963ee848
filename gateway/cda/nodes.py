"""Finding one's way in a received header: one child or none, texts, identifiers, codes; each absence named by its path.

Read only: the builder uses none of it. Paths are element names, never values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from gateway.cda.errors import CdaInvalid
from gateway.cda.names import EXTENSION_MARK, HL7
from gateway.kernel.concept import Concept

_V3 = f"{{{HL7}}}"
_WRAPPED = re.compile(r"[ ]*[\t\r\n][ \t\r\n]*")


def children(parent: etree._Element, *names: str) -> Iterator[etree._Element]:
    """The elements at `names` below a parent, one level a name, in document order."""
    if not names:
        yield parent
        return
    for child in parent.iterchildren(_V3 + names[0]):
        yield from children(child, *names[1:])


def first(parent: etree._Element | None, *names: str) -> etree._Element | None:
    """The first element there, or None."""
    return None if parent is None else next(children(parent, *names), None)


def required(parent: etree._Element, path: str, *names: str) -> etree._Element:
    """The first element there; raises CdaInvalid naming the first level that is absent or null."""
    node = parent
    for name in names:
        path = f"{path}/{name}" if path else name
        found = first(node, name)
        if found is None or found.get("nullFlavor") is not None:
            raise CdaInvalid(path, "mandatory", "un élément obligatoire est absent")
        node = found
    return node


def text(node: etree._Element | None) -> str:
    """The text of an element, `""` when absent; ends trimmed, line breaks and their indentation read as one space."""
    if node is None:
        return ""
    return _WRAPPED.sub(" ", "".join(str(part) for part in node.itertext(with_tail=False))).strip(" ")


def attribute(node: etree._Element, name: str, path: str) -> str:
    """An attribute that must be there and not empty; raises CdaInvalid naming `path/@name`."""
    value = (node.get(name) or "").strip()
    if not value:
        raise CdaInvalid(f"{path}/@{name}", "mandatory", "une valeur obligatoire est absente")
    return value


def concept(node: etree._Element, path: str) -> Concept:
    """A code with its system; raises CdaInvalid when one is absent."""
    return Concept(attribute(node, "code", path), attribute(node, "codeSystem", path), (node.get("displayName") or "").strip())


def optional_concept(node: etree._Element | None, path: str) -> Concept | None:
    """The code of an element that may be absent or null."""
    return None if node is None or node.get("nullFlavor") is not None else concept(node, path)


def joined(node: etree._Element, path: str) -> str:
    """An identifier as `root` or `root^extension`."""
    extension = (node.get("extension") or "").strip()
    root = attribute(node, "root", path)
    return f"{root}{EXTENSION_MARK}{extension}" if extension else root


def bare_root(node: etree._Element, path: str) -> str:
    """The root of a document identifier; raises CdaInvalid when there is an extension: the DMP knows no root^extension (dmp.md 3.2)."""
    if node.get("extension") is not None:
        raise CdaInvalid(path, "unique-id-extension", "l'identifiant d'un document ne doit pas avoir d'extension")
    return attribute(node, "root", path)
