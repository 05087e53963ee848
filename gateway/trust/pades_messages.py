"""What is said between the gateway and the process that handles the PDF of a signature; frames of msgpack, each after its length."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Literal

import msgspec
from typing_extensions import override

from gateway.kernel.errors import Refused
from gateway.trust.signer import DigestName

LENGTH_BYTES = 4
LARGEST_FRAME = 10_000_000


class PdfUnfit(Refused):
    """A PDF that is not signed, or not verified; esignsante's status for that is 501."""

    code = "pdf-unfit"
    status = 501
    title = "PDF qui ne se prête pas à une signature"
    what = "Ce PDF ne peut être ni signé ni vérifié : {reason}."
    gesture = (
        "Exportez ou imprimez de nouveau le document en PDF, sans protection, puis renvoyez-le ; ou demandez une signature enveloppante."
    )


class Unfit(enum.StrEnum):
    """Why, by the French reason."""

    DAMAGED = "il est abîmé, incomplet, ou ne suit pas la norme de près"
    LOCKED = "son auteur y interdit toute nouvelle signature"
    PROTECTED = "il est protégé par un mot de passe ou par des restrictions"
    OVERSIZED = "il demande plus de mémoire ou de temps qu'un vrai document"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """To sign (with everything) or to read the signatures of the document."""

    kind: Literal["sign", "read"]
    at: datetime | None = None
    digest: DigestName = "sha256"
    certificate: bytes = b""
    """DER."""
    chain: tuple[bytes, ...] = ()
    reason: str | None = None

    @override
    def __repr__(self) -> str:
        return f"Asked({self.kind})"


class ToSign(msgspec.Struct, frozen=True, kw_only=True, tag="sign"):
    """The signed attributes, DER: what the key signs."""

    attributes: bytes


class FoundSignature(msgspec.Struct, frozen=True, kw_only=True):
    """One signature of a PDF, as written; nothing of it is trusted yet."""

    malformed: bool
    """The structure is not that of a PAdES signature; what follows may be empty."""
    whole: bool = False
    """The byte range has no hole but the signature itself, and goes to the end of its revision."""
    changes: int = 4
    """What later revisions do: 0 nothing, 1 grounds to judge it later, 2 signatures and form values, 4 anything else."""
    allowed: int = 0
    """The most of these that the signer allows."""
    intact: bool = False
    """The byte range has the digest that the signature says."""
    genuine: bool = False
    """The key of `certificate` made the signature."""
    designated: bool = False
    """The signed attributes designate `certificate`."""
    digest_algorithm: str = ""
    signature_algorithm: str = ""
    signing_time: datetime | None = None
    certificate: bytes = b""
    others: tuple[bytes, ...] = ()
    original_size: int | None = None
    """Bytes of the document before this signature, when it was added to one."""


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """The last word: refused, signed (the document is in the output), or read."""

    unfit: Unfit | None = None
    signatures: tuple[FoundSignature, ...] = ()


Said = ToSign | Ended


def frame(message: msgspec.Struct | bytes) -> bytes:
    """A message with its length before it."""
    data = message if isinstance(message, bytes) else msgspec.msgpack.encode(message)
    return len(data).to_bytes(LENGTH_BYTES, "big") + data
