"""What the metadata of an archive must hold, whatever the document.

Never compares with the document. Source: mssante.md 2.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gateway.sandbox.ins_matricule import is_matricule
from gateway.sandbox.mss.metadata import ENTRY_CODES, Entry, Submission

_MOMENT = re.compile(r"[0-9]{14}")
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+")
_HOLDER = re.compile(r"([^^&]+)\^\^\^&([0-9.]+)&ISO\^([A-Z]+)(?:\^.*)?")
_SLOTS: Final = ("hash", "size", "URI", "creationTime", "languageCode", "sourcePatientId", "sourcePatientInfo", "legalAuthenticator")
_LEVELS: Final = frozenset({"N", "R", "V"})
_MARKS: Final = frozenset({"MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"})
_MIME_TYPES: Final = ("text/xml", "application/xslt+xml")


def failed_submission(submission: Submission) -> Iterator[str]:
    """Ids of the rules the submission set breaks."""
    if not submission.marked or submission.authors != 1 or len(submission.content_types) != 1 or not submission.entries:
        yield "mss.metadata.package"
    if not _MOMENT.fullmatch(submission.submission_time):
        yield "mss.metadata.submission-time"
    if not _OID.fullmatch(submission.source_id):
        yield "mss.metadata.source-id"
    if not _OID.fullmatch(submission.unique_id):
        yield "mss.metadata.set-unique-id"
    if sorted(submission.members) != sorted(entry.id for entry in submission.entries):
        yield "mss.metadata.members"


def failed_entry(entry: Entry) -> Iterator[str]:
    """Ids of the rules one document entry breaks."""
    yield from (f"mss.metadata.slot.{name}" for name in _SLOTS if not any(entry.slots.get(name, ())))
    yield from (f"mss.metadata.code.{name}" for name in ENTRY_CODES if name != "confidentiality" and len(entry.codes[name]) != 1)
    if not entry.is_stable_document or entry.mime_type not in _MIME_TYPES:
        yield "mss.metadata.entry"
    if not entry.authors:
        yield "mss.metadata.author"
    if not _MOMENT.fullmatch(entry.slot("creationTime")):
        yield "mss.metadata.creation-time"
    marks = entry.codes["confidentiality"]
    if len(_LEVELS & set(marks)) != 1 or not set(marks) <= _LEVELS | _MARKS or len(set(marks)) != len(marks):
        yield "mss.metadata.confidentiality"
    if not any(info.startswith("PID-5|") for info in entry.slots.get("sourcePatientInfo", ())):
        yield "mss.metadata.patient-info"
    holder = _HOLDER.fullmatch(entry.patient_id)
    if holder is None or (holder[3] == "NH" and not is_matricule(holder[1])):
        yield "mss.metadata.patient-id"
