"""IHE_XDM.ZIP opened by a careful hand: bounded, names exact, nothing written to disk.

Never trusts sizes announced. Source: mssante.md 2.2 (upper case 8.3 names, plain deflate, README.TXT and INDEX.HTM at the root).
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

README: Final = "README.TXT"
INDEX: Final = "INDEX.HTM"
_SUBSET: Final = "IHE_XDM/SUBSET01/"
METADATA: Final = _SUBSET + "METADATA.XML"
_DOCUMENT = re.compile(re.escape(_SUBSET) + r"(DOC[0-9]{4}\.XML)")
_ENTRY_LIMIT = 50
_INFLATED_LIMIT = 100 * 1024 * 1024
_ENCRYPTED = 0x1


class ArchiveUnreadable(Exception):
    """Not a zip, damaged, encrypted, or too large once inflated. Stays inside the operator."""


@dataclass(frozen=True, slots=True)
class Archive:
    """Content by exact name."""

    files: dict[str, bytes]

    @property
    def documents(self) -> dict[str, bytes]:
        """Documents by the name their URI slot must hold (`DOC0001.XML`)."""
        matches = ((_DOCUMENT.fullmatch(name), content) for name, content in self.files.items())
        return {match[1]: content for match, content in matches if match}

    def failed_rules(self) -> Iterator[str]:
        """What its members break: missing, misnamed or unknown ones, empty README or INDEX."""
        if METADATA not in self.files or not self.documents:
            yield "mss.xdm.missing-member"
        if any(name not in (README, INDEX, METADATA) and not _DOCUMENT.fullmatch(name) for name in self.files):
            yield "mss.xdm.unknown-member"
        if not _readme_is_complete(self.files.get(README, b"")):
            yield "mss.xdm.readme"
        index = self.files.get(INDEX, b"").lower()
        if b"<html" not in index or b"readme.txt" not in index:
            yield "mss.xdm.index"


def open_archive(content: bytes) -> Archive:
    """The members of a zip. Raises ArchiveUnreadable."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return Archive(_members(archive))
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError) as error:
        raise ArchiveUnreadable from error


def _members(archive: zipfile.ZipFile) -> dict[str, bytes]:
    infos = archive.infolist()
    if len(infos) > _ENTRY_LIMIT or len({info.filename for info in infos}) != len(infos):
        raise ArchiveUnreadable
    files: dict[str, bytes] = {}
    total = 0
    for info in infos:
        if info.flag_bits & _ENCRYPTED or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.is_dir():
            raise ArchiveUnreadable
        with archive.open(info) as member:
            data = member.read(_INFLATED_LIMIT - total + 1)
        total += len(data)
        if total > _INFLATED_LIMIT:
            raise ArchiveUnreadable
        files[info.filename] = data
    return files


def _readme_is_complete(content: bytes) -> bool:
    text = content.decode("utf-8", "replace").lower().replace("é", "e")
    return all(section in text for section in ("emetteur", "application", "instructions", "arborescence"))
