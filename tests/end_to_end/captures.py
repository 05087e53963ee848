"""What the simulated services received, read with foreign eyes: Python's own mail parser, lxml, zipfile."""

from __future__ import annotations

import email
import email.policy
import io
import json
import re
import zipfile
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from lxml import etree

from tests.rig.processes import Sandbox

RIM = "{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}"
CDA = {"h": "urn:hl7-org:v3"}
_ASSERTION = re.compile(rb'<(?:\w+:)?Assertion\b[^>]*?\sID="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request that the DMP received."""

    raw: bytes
    note: dict[str, Any]

    @property
    def service(self) -> str:
        """patients, repository or registry."""
        return self.raw.split(b" ", 2)[1].rpartition(b"/")[2].decode()

    @property
    def assertion(self) -> str:
        """Id of its VIHF."""
        found = _ASSERTION.search(self.raw)
        assert found is not None
        return found.group(1).decode()

    def parts(self) -> list[bytes]:
        """The MIME parts, envelope first."""
        _, _, rest = self.raw.partition(b"\r\n")
        message = email.message_from_bytes(rest, policy=email.policy.HTTP)
        return [bytes(one.get_payload(decode=True) or b"") for one in message.walk() if not one.is_multipart()]

    def envelope(self) -> etree._Element:
        """The SOAP envelope."""
        return etree.fromstring(self.parts()[0])

    def document(self) -> bytes:
        """The CDA of a feed, as it came."""
        return next(one for one in self.parts()[1:] if b"<ClinicalDocument" in one[:4096])

    def cda(self) -> etree._Element:
        """The same, parsed."""
        return etree.fromstring(self.document())


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail whose final dot the operator read."""

    raw: bytes
    note: dict[str, Any]

    @property
    def recipients(self) -> list[str]:
        """Of the envelope."""
        return list(self.note["envelope"]["recipients"])

    @property
    def message(self) -> EmailMessage:
        """As Python reads it."""
        parsed = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def attachments(self) -> dict[str, bytes]:
        """Attached files by name."""
        return {one.get_filename() or "": one.get_content() for one in self.message.iter_attachments()}

    def archive(self) -> dict[str, bytes]:
        """Files of IHE_XDM.ZIP by their last name."""
        with zipfile.ZipFile(io.BytesIO(next(data for name, data in self.attachments().items() if name.lower() == "ihe_xdm.zip"))) as held:
            return {Path(name).name: held.read(name) for name in held.namelist() if not name.endswith("/")}


def dmp_calls(sandbox: Sandbox, about: str | None = None) -> list[Call]:
    """Requests the DMP received, in order; `about` keeps those that hold this text (a matricule, a uniqueId)."""
    found = [Call(raw, note) for raw, note in _received(sandbox, "dmp", "http")]
    return found if about is None else [one for one in found if about.encode() in one.raw]


def mails(sandbox: Sandbox, recipient: str | None = None, message_id: str | None = None) -> list[Mail]:
    """Mails the operator received, in order, stored or not."""
    found = [Mail(raw, note) for raw, note in _received(sandbox, "mss", "eml")]
    return [
        one
        for one in found
        if (recipient is None or recipient in one.recipients) and (message_id is None or message_id in str(one.message["Message-ID"]))
    ]


def audit_lines(proof: bytes) -> list[dict[str, Any]]:
    """The audit lines of a proof, oldest first."""
    with zipfile.ZipFile(io.BytesIO(proof)) as archive:
        return [json.loads(line) for line in archive.read("journal.jsonl").splitlines()]


def _received(sandbox: Sandbox, service: str, suffix: str) -> list[tuple[bytes, dict[str, Any]]]:
    notes = sorted((sandbox.folder / "received" / service).glob("*.json"))
    return [(path.with_suffix(f".{suffix}").read_bytes(), json.loads(path.read_bytes())) for path in notes]
