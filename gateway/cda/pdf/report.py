"""What is asked of a PDF (limits), what was found in it (report), and how it is refused.

PdfRefused
├── NotAPdf        the file is something else, whatever its name says        415
├── PdfEncrypted   any encryption, even one that opens without a password    422
├── PdfBomb        too many objects or pages, nested too deep, inflates too far   422
└── PdfDamaged     cannot be read, or holds no page                          422

Source: cda_signing.md 1.5 (PDF/A-1b, marked [K] there), contract section 3 (415). Does no I/O.
"""

from __future__ import annotations

import enum

import msgspec

from gateway.kernel.errors import Refused


class PdfRefused(Refused):
    """The file cannot become a document."""

    code = "document-pdf-refused"
    title = "PDF refusé"


class NotAPdf(PdfRefused):
    """The bytes are not those of a PDF."""

    code = "document-not-pdf"
    status = 415
    title = "Ce n'est pas un PDF"
    what = "Le fichier envoyé n'est pas un PDF, même si son nom le dit."
    gesture = "Exportez le document en PDF depuis le logiciel métier, puis renvoyez-le."


class PdfEncrypted(PdfRefused):
    """The PDF is encrypted: a password, or permissions only."""

    code = "pdf-encrypted"
    title = "PDF protégé"
    who = "le professionnel"
    what = "Le PDF est protégé par un mot de passe ou par des restrictions."
    gesture = "Enregistrez le document sans protection, puis renvoyez-le."


class PdfBomb(PdfRefused):
    """The PDF would take more memory, time or space than any real document; `limit` says which bound it crosses."""

    code = "pdf-bomb"
    title = "PDF démesuré"
    who = "le professionnel"
    what = "Le PDF dépasse ce qu'un vrai document contient ({limit})."
    gesture = "Imprimez ou exportez de nouveau le document en PDF, puis renvoyez-le."


class PdfDamaged(PdfRefused):
    """The PDF is cut, broken or without a page."""

    code = "pdf-damaged"
    title = "PDF abîmé"
    who = "le professionnel"
    what = "Le PDF est abîmé, incomplet ou ne contient aucune page."
    gesture = "Exportez de nouveau le document en PDF, puis renvoyez-le."


class PdfLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a real document never reaches. Sizes in bytes once inflated, times in seconds."""

    pages: int = 2_000
    objects: int = 200_000
    nesting: int = 64
    stream_bytes: int = 200_000_000
    """One stream: an A4 page scanned in colour at 600 dpi is 104 MB."""
    total_bytes: int = 600_000_000
    structure_bytes: int = 50_000_000
    """One object stream or cross-reference stream (PDF 1.5)."""
    image_pixels: int = 150_000_000
    seconds: int = 20
    """Of processor time, and of waiting, when the inspection runs in a process of its own."""
    memory_bytes: int = 400_000_000
    """Address space of that process."""


class Flaw(enum.StrEnum):
    """Why a PDF is not a PDF/A-1b; the clause of ISO 19005-1 is in the docstring of the rule that finds it."""

    NO_MARKER = "no-marker"
    INFO = "info"
    METADATA_FILTERED = "metadata-filtered"
    NO_OUTPUT_INTENT = "no-output-intent"
    OUTPUT_PROFILE = "output-profile"
    DEVICE_COLOUR = "device-colour"
    HEADER = "header"
    TRAILER = "trailer"
    COMPRESSED_STRUCTURE = "compressed-structure"
    REPAIRED = "repaired"
    FONT_NOT_EMBEDDED = "font-not-embedded"
    FONT_INCOMPLETE = "font-incomplete"
    TRANSPARENCY = "transparency"
    LZW = "lzw"
    FILTER = "filter"
    EXTERNAL_STREAM = "external-stream"
    JAVASCRIPT = "javascript"
    LAUNCH = "launch"
    ACTION = "action"
    EMBEDDED_FILE = "embedded-file"
    FORM = "form"
    XFA = "xfa"
    OPTIONAL_CONTENT = "optional-content"
    ANNOTATION = "annotation"
    GRAPHICS_STATE = "graphics-state"
    XOBJECT = "xobject"
    CONTAINER_SIZE = "container-size"


class PdfReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an inspection found. Holds no text of the document."""

    size: int
    pages: int
    objects: int
    inflated_bytes: int
    """Of all streams; 0 when their lengths alone told that they stay within bounds."""
    version: str
    leading_bytes: int
    """Bytes before `%PDF-`."""
    marker: str | None
    """What the XMP claims, such as "1B" or "3A"; None without a claim."""
    flaws: tuple[Flaw, ...]
    fonts_not_embedded: tuple[str, ...]

    @property
    def is_pdfa1b(self) -> bool:
        """True when nothing found forbids the PDF/A-1b that the file claims to be."""
        return not self.flaws

    def has(self, flaw: Flaw) -> bool:
        """True when this flaw was found."""
        return flaw in self.flaws
