"""The conformity pack: the official schemas, brought by the operator, kept by version, used by the box to validate every CDA.

Relais ships none of them (their licence does not allow it) and works without: the own rules of `checks` always run. On the box only the
XSD are used (a few milliseconds); the schematrons of the pack are for the bench that runs them (cda_signing.md section 0, point 4).

    home/conformity/current           one line: the version in use, replaced last
    home/conformity/<version>/        a full copy, never changed afterwards; <version> is the day and the digest of the content
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gateway.cda.errors import CdaInvalid
from gateway.cda.finding import Finding
from gateway.cda.pack_files import ENTRY, PackInvalid, collect, digest_of, sync_folder, write_durably
from gateway.cda.reading import find_document, parse_cda
from gateway.xml.schema import SchemaInvalid, SchemaPack

__all__ = ["Conformity", "PackInfo", "PackInvalid", "install_pack", "load_pack"]

_INFO = "pack.json"
_CURRENT = "current"
_DRAFT = ".draft-"
_VERSION = re.compile(r"[0-9]{8}-[0-9a-f]{12}")


class PackInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An installed pack: version, SHA-256 of its content, when it was installed (UTC), number of files."""

    version: str
    sha256: str
    installed_at: datetime
    files: int


class Conformity:
    """The schemas of the installed pack, compiled once; usable from several threads."""

    def __init__(self, info: PackInfo, schema: SchemaPack) -> None:
        self.info = info
        self._schema = schema

    def validate(self, cda: bytes) -> list[Finding]:
        """What breaks the official schema, empty when valid; raises XmlMalformed and its kin."""
        root = parse_cda(cda)
        try:
            find_document(root)
        except CdaInvalid as problem:
            return [Finding("schema", problem.field or "", str(problem.facts["reason"]))]
        return [
            Finding(f"schema-{fault.rule}", f"{fault.element} (ligne {fault.line})", fault.message) for fault in self._schema.faults(root)
        ]


def install_pack(source: Path, home: Path, *, now: datetime | None = None) -> PackInfo:
    """Copy the pack of a folder as downloaded from ANS into the home and use it from then on; raises PackInvalid, changes nothing then.

    The schemas are compiled from the copy before anyone sees it. The same content installed again is the same version.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    packs = home / "conformity"
    try:
        files = collect(source)
        sha256 = digest_of(files)
        packs.mkdir(parents=True, exist_ok=True)
        known = _known(packs, sha256)
        if known is None:
            known = PackInfo(version=f"{moment:%Y%m%d}-{sha256[:12]}", sha256=sha256, installed_at=moment, files=len(files))
            _copy(files, packs, known)
        write_durably(packs / _CURRENT, known.version.encode())
    except OSError as problem:
        raise PackInvalid(type(problem).__name__, reason="les fichiers ne peuvent pas être lus ou copiés") from problem
    return known


def load_pack(home: Path) -> Conformity | None:
    """The pack in use, compiled; None when none was installed; raises PackInvalid when it is damaged."""
    packs = home / "conformity"
    try:
        version = (packs / _CURRENT).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as problem:
        raise PackInvalid(type(problem).__name__, reason="la version en service est illisible") from problem
    folder = packs / version
    if not _VERSION.fullmatch(version):
        raise PackInvalid(reason="la version en service est illisible")
    return Conformity(_read_info(folder), _compile(folder))


def _copy(files: dict[str, Path], packs: Path, info: PackInfo) -> None:
    for left_behind in packs.glob(f"{_DRAFT}*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=packs))
    try:
        for name, path in files.items():
            target = draft / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        if digest_of({name: draft / name for name in files}) != info.sha256:
            raise PackInvalid(reason="les fichiers ont changé pendant la copie")
        _compile(draft)
        (draft / _INFO).write_bytes(msgspec.json.encode(info))
        draft.chmod(0o755)
        os.sync()
        shutil.rmtree(packs / info.version, ignore_errors=True)
        os.rename(draft, packs / info.version)  # noqa: PTH104 - Path.rename says the same, this one is not mistaken for replace
        sync_folder(packs)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _known(packs: Path, sha256: str) -> PackInfo | None:
    """An intact pack of the same content, whenever it was installed."""
    for folder in sorted(packs.glob(f"*-{sha256[:12]}")):
        try:
            info = _read_info(folder)
            _compile(folder)
        except PackInvalid:
            continue
        if info.sha256 == sha256:
            return info
    return None


def _read_info(folder: Path) -> PackInfo:
    try:
        return msgspec.json.decode((folder / _INFO).read_bytes(), type=PackInfo)
    except (OSError, msgspec.DecodeError) as problem:
        raise PackInvalid(type(problem).__name__, reason="le pack installé est abîmé") from problem


def _compile(folder: Path) -> SchemaPack:
    try:
        return SchemaPack((folder / ENTRY).parent, (folder / ENTRY).name)
    except SchemaInvalid as problem:
        raise PackInvalid(problem.technical, reason="les schémas sont incomplets ou incorrects") from problem
