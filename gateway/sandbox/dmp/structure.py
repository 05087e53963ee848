"""Structural checks of ebRIM messages, equal in effect to the official schemas (rim.xsd, lcm.xsd, XDS.b_DocumentRepository.xsd).

It never reads a schema at run time: those are not ours to ship. The rules, in our own words: names and order of children, required
attributes, one ValueList per Slot, lengths of 256 (values) and 1024 characters (labels). Tests compare every verdict with the XSD.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from gateway.sandbox.dmp.ebrim import RIM, rim
from gateway.sandbox.dmp.refusals import SoapRefusal
from gateway.sandbox.dmp.safe_xml import children, content_of

LCM = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
XDSB = "urn:ihe:iti:xds-b:2007"
XOP_INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"

_LONG = 256
_FREE = 1024
_SEQUENCE = {
    rim(name): rank for rank, name in enumerate(("Slot", "Name", "Description", "VersionInfo", "Classification", "ExternalIdentifier"))
}
_ONCE = frozenset({rim("Name"), rim("Description"), rim("VersionInfo")})
_COMMON = frozenset({"id", "home", "lid", "objectType", "status"})
_ATTRIBUTES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "RegistryPackage": (frozenset({"id"}), frozenset()),
    "ExtrinsicObject": (frozenset({"id"}), frozenset({"mimeType", "isOpaque"})),
    "Association": (frozenset({"id", "associationType", "sourceObject", "targetObject"}), frozenset()),
    "Classification": (
        frozenset({"id", "classifiedObject"}),
        frozenset({"classificationScheme", "classificationNode", "nodeRepresentation"}),
    ),
    "ExternalIdentifier": (frozenset({"id", "registryObject", "identificationScheme", "value"}), frozenset()),
}
_LENIENT = frozenset({"classifiedObject", "registryObject"})


def check_provide_and_register(request: etree._Element) -> tuple[etree._Element, list[etree._Element]]:
    """The RegistryObjectList and the Document elements of an ITI-41 body; raises SoapRefusal (`dmp.structure.*`)."""
    if request.tag != f"{{{XDSB}}}ProvideAndRegisterDocumentSetRequest":
        raise _broken("request")
    parts = children(request)
    if not parts or any(part.tag != f"{{{XDSB}}}Document" or set(part.attrib) != {"id"} for part in parts[1:]):
        raise _broken("request")
    return check_submit_objects(parts[0]), parts[1:]


def check_submit_objects(request: etree._Element, *, lenient: bool = False) -> etree._Element:
    """The RegistryObjectList of a SubmitObjectsRequest; raises SoapRefusal (`dmp.structure.*`).

    `lenient` forgives missing classifiedObject and registryObject, as the real service does for updates (dmp.md section 8).
    """
    if request.tag != f"{{{LCM}}}SubmitObjectsRequest":
        raise _broken("request")
    listed = children(request)
    if len(listed) != 1 or listed[0].tag != rim("RegistryObjectList"):
        raise _broken("request")
    for fault in _list_faults(listed[0], lenient=lenient):
        raise _broken(fault)
    return listed[0]


def _broken(what: str) -> SoapRefusal:
    return SoapRefusal(f"dmp.structure.{what}", "Le message n'est pas conforme à son schéma XML")


def _list_faults(listed: etree._Element, *, lenient: bool) -> Iterator[str]:
    if _stray_text(listed):
        yield "text"
    for element in children(listed):
        name = _name(element)
        if name not in {"RegistryPackage", "ExtrinsicObject", "Association", "ObjectRef"}:
            yield "element"
        elif name != "ObjectRef":
            yield from _object_faults(element, lenient=lenient)


def _object_faults(element: etree._Element, *, lenient: bool) -> Iterator[str]:
    yield from _attribute_faults(element, lenient=lenient)
    if _stray_text(element):
        yield "text"
    last = -1
    for child in children(element):
        rank = _SEQUENCE.get(child.tag, -1)
        if rank < last or rank < 0 or (rank == last and child.tag in _ONCE):
            yield "order"
        last = rank
        yield from _child_faults(child, lenient=lenient)


def _child_faults(child: etree._Element, *, lenient: bool) -> Iterator[str]:
    name = _name(child)
    if name == "Slot":
        yield from _slot_faults(child)
    elif name in {"Name", "Description"}:
        yield from _label_faults(child)
    elif name == "VersionInfo":
        if len(child.get("versionName", "")) > 16 or set(child.attrib) - {"versionName", "comment"}:
            yield "version"
    elif name in _ATTRIBUTES:
        yield from _object_faults(child, lenient=lenient)


def _attribute_faults(element: etree._Element, *, lenient: bool) -> Iterator[str]:
    required, optional = _ATTRIBUTES[_name(element)]
    present = {str(key) for key in element.attrib}
    if (required - (_LENIENT if lenient else frozenset())) - present:
        yield "attribute-missing"
    if present - required - optional - _COMMON:
        yield "attribute-unknown"
    if any(len(element.get(key, "")) > _LONG for key in ("value", "nodeRepresentation", "mimeType")):
        yield "length"


def _slot_faults(slot: etree._Element) -> Iterator[str]:
    if "name" not in slot.attrib or {str(key) for key in slot.attrib} - {"name", "slotType"}:
        yield "slot"
    lists = children(slot)
    if len(lists) != 1 or lists[0].tag != rim("ValueList") or lists[0].attrib or _stray_text(slot) or _stray_text(lists[0]):
        yield "slot"
        return
    for value in children(lists[0]):
        if value.tag != rim("Value") or value.attrib or children(value):
            yield "slot"
        if len(content_of(value)) > _LONG:
            yield "length"


def _label_faults(label: etree._Element) -> Iterator[str]:
    if label.attrib or _stray_text(label):
        yield "label"
    for localized in children(label):
        keys = {str(key) for key in localized.attrib}
        if localized.tag != rim("LocalizedString") or "value" not in keys or keys - {"value", "charset", _LANGUAGE}:
            yield "label"
        if len(localized.get("value", "")) > _FREE:
            yield "length"


def _stray_text(element: etree._Element) -> bool:
    pieces = [element.text, *(child.tail for child in element)]
    return any(piece is not None and piece.strip() for piece in pieces)


def _name(element: etree._Element) -> str:
    return str(element.tag).removeprefix(f"{{{RIM}}}")
