"""METADATA.XML of an IHE_XDM.ZIP: the same ebRIM as an ITI-41 message, with the name of each file (mssante.md 2.3).

Never writes the archive. Hash and size are those of the exact file bytes, and compulsory here; a replacement names the uniqueId of the
old document, because an archive knows no registry [K].
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.kernel.errors import PermanentFault
from gateway.xds.ebrim import write_submission
from gateway.xds.model import Association, AssociationType, DocumentEntry, SubmissionSet


class EntryIncomplete(PermanentFault):
    """An entry without hash or size cannot go into an archive: the box made it wrong."""

    code = "xdm-entry-incomplete"
    who = "votre installateur"
    what = "L'archive destinée à la messagerie n'a pas pu être préparée."
    gesture = "Signalez cette erreur à votre installateur : le document n'est pas en cause."


class XdmEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry and the name of its file, without path (`DOC0001.XML`)."""

    entry: DocumentEntry
    uri: str
    replaces: str | None = None
    """uniqueId of the replaced document."""


def write_xdm_metadata(submission: SubmissionSet, entries: Sequence[XdmEntry]) -> bytes:
    """METADATA.XML, UTF-8 with XML declaration; raises EntryIncomplete, XmlTextInvalid."""
    if any(one.entry.hash is None or one.entry.size is None for one in entries):
        raise EntryIncomplete("hash or size")
    associations = [Association(type=AssociationType.HAS_MEMBER, source=submission.id, target=one.entry.id) for one in entries]
    associations += [
        Association(type=AssociationType.REPLACES, source=one.entry.id, target=one.replaces) for one in entries if one.replaces
    ]
    uris = {one.entry.id: one.uri for one in entries}
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + write_submission(submission, [one.entry for one in entries], associations, uris)
