"""Runs an XML Schema compiled once and kept; says where a document breaks it without repeating a word of the document.

The schemas are files of one folder: nothing outside of it is opened and nothing is fetched (an import by web address is answered by the
file of the same name in the folder, or refused). libxml2 quotes the faulty values in its messages; those may be a patient's, so a fault
keeps only names that belong to the schema, the rule and what was expected (cda_signing.md sections 0 and 7).
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import msgspec
from lxml import etree
from typing_extensions import override

from gateway.kernel.errors import ConfigurationFault

_ELEMENT = re.compile(r"^Element '(?:\{[^}]*\})?([A-Za-z_][\w.-]{0,60})'")
_ATTRIBUTE = re.compile(r"^Element '[^']*', attribute '(?:\{[^}]*\})?([A-Za-z_][\w.-]{0,60})'")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( ([^)]*) \)\.?$")
_LOCAL = re.compile(r"(?:\{[^}]*\})?([A-Za-z_][\w.-]*)")


class SchemaInvalid(ConfigurationFault):
    """The schema files are missing, do not compile, or ask for something outside of their folder."""

    code = "schema-invalid"
    what = "Les schémas officiels installés sur le boîtier sont incomplets ou abîmés."
    gesture = "Réinstallez le pack de conformité avec la commande « relais conformity install DOSSIER --home BOITIER »."


class SchemaFault(msgspec.Struct, frozen=True):
    """One breach: line of the document, element, attribute if one is at fault, rule of the schema language, what was expected."""

    line: int
    element: str
    attribute: str | None
    rule: str
    expected: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """A French sentence without any value of the document."""
        place = f"l'élément {self.element}" + (f", attribut {self.attribute}," if self.attribute else "")
        wanted = f" ; attendu : {', '.join(self.expected)}" if self.expected else ""
        return f"{place} ne respecte pas le schéma ({self.rule}){wanted}"


class SchemaPack:
    """An XML Schema read from `root`/`entry`; raises SchemaInvalid. Usable from several threads."""

    def __init__(self, root: Path, entry: str) -> None:
        self._guard = threading.Lock()
        base = root.resolve()
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        parser.resolvers.add(_FolderOnly(base))
        try:
            self._schema = etree.XMLSchema(etree.parse(str(base / entry), parser))
        except (OSError, etree.LxmlError, SchemaInvalid) as problem:
            raise SchemaInvalid(f"{entry}: {type(problem).__name__}") from None

    def faults(self, document: etree._Element | etree._ElementTree) -> list[SchemaFault]:
        """What breaks the schema, in document order; empty when valid."""
        with self._guard:
            if self._schema.validate(document):
                return []
            log: Any = self._schema.error_log
            return [_fault(entry) for entry in log]


class _FolderOnly(etree.Resolver):
    def __init__(self, root: Path) -> None:
        self._root = root

    @override
    def resolve(self, system_url: str, public_id: str, context: object = None) -> Any:
        """A file of the folder of schemas, for a network address too; raises SchemaInvalid for any other."""
        url = urlsplit(system_url)
        path = Path(unquote(url.path))
        if url.scheme not in ("", "file"):
            path = next((found for found in sorted(self._root.rglob(path.name)) if found.is_file()), self._root)
        path = path.resolve()
        if not path.is_relative_to(self._root) or not path.is_file():
            raise SchemaInvalid("a schema asks for a file outside of its folder")
        opener: Any = self
        return opener.resolve_filename(str(path), context)


class _LogEntry(Protocol):
    line: int
    message: str
    type_name: str


def _fault(entry: _LogEntry) -> SchemaFault:
    element, attribute, expected = _ELEMENT.match(entry.message), _ATTRIBUTE.match(entry.message), _EXPECTED.search(entry.message)
    return SchemaFault(
        line=entry.line,
        element=element.group(1) if element else "?",
        attribute=attribute.group(1) if attribute else None,
        rule=entry.type_name.removeprefix("SCHEMAV_").lower().replace("_", "-"),
        expected=tuple(_LOCAL.findall(expected.group(1))) if expected else (),
    )
