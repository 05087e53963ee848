"""Elements by construction, never by joining strings: names are qualified, text is escaped by the library, bad characters are refused.

A `Vocabulary` writes the elements of one namespace. Absent values (None) are left out, so a builder reads like the document it writes.
Carriage returns become line feeds: canonical XML would keep them as `&#xD;` (cda_signing.md section 5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias, cast

from lxml import etree

from gateway.xml.errors import XmlMalformed, XmlTextInvalid

Content: TypeAlias = etree._Element | str | Mapping[str, str | None] | Iterable[etree._Element] | None
"""A child, a text, qualified attributes by Clark name, several children, or nothing."""

Prefixes: TypeAlias = Mapping[str | None, str]
"""Prefix to namespace; None is the default namespace."""

_REFUSED = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean_text(text: str, *, field: str | None = None) -> str:
    """The text with its line ends as LF; raises XmlTextInvalid for what XML 1.0 cannot carry, `field` naming the value at fault."""
    if text.isprintable():
        return text
    flat = text.replace("\r\n", "\n").replace("\r", "\n")
    if _REFUSED.search(flat):
        raise XmlTextInvalid(field=field)
    return flat


def element(
    tag: str, *content: Content, attributes: Mapping[str, str | None] | None = None, nsmap: Prefixes | None = None
) -> etree._Element:
    """An element by its Clark name `{namespace}local`, with attributes and content; None is left out. Raises XmlTextInvalid."""
    made = etree.Element(tag, nsmap=cast("dict[str, str]", dict(nsmap or {})))
    _set(made, attributes or {})
    for part in content:
        _add(made, part)
    return made


class Vocabulary:
    """Writes the elements of one namespace under one prefix (None: as the default namespace), attributes unqualified."""

    def __init__(self, namespace: str, prefix: str | None = None, others: Prefixes | None = None) -> None:
        self.namespace = namespace
        self._nsmap: Prefixes = {prefix: namespace, **(others or {})}

    def __call__(self, name: str, *content: Content, **attributes: str | None) -> etree._Element:
        """One element; raises XmlTextInvalid."""
        return element(f"{{{self.namespace}}}{name}", *content, attributes=attributes, nsmap=self._nsmap)

    def name(self, local: str) -> str:
        """The Clark name of a local name."""
        return f"{{{self.namespace}}}{local}"


def _set(made: etree._Element, attributes: Mapping[str, str | None]) -> None:
    for name, value in attributes.items():
        if value is not None:
            made.set(name, clean_text(value))


def _add(made: etree._Element, part: Content) -> None:
    if part is None:
        return
    if isinstance(part, str):
        text = clean_text(part)
        if len(made):
            made[-1].tail = (made[-1].tail or "") + text
        else:
            made.text = (made.text or "") + text
    elif isinstance(part, etree._Element):
        _append(made, part)
    elif isinstance(part, Mapping):
        _set(made, part)
    else:
        for child in part:
            _append(made, child)


def _append(made: etree._Element, child: etree._Element) -> None:
    # libxml2 would write such a child without xmlns="": it would change namespace on its way (comments start with "<" here)
    if str(child.tag)[0] not in "{<" and None in made.nsmap:
        raise XmlMalformed("an element without namespace under a default namespace")
    made.append(child)
