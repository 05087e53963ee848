"""What is sent: a broad matrix of documents, each with a name that a failure can be told by.

Every document family of dmp.md section 7 from every structure, with the authors and the masking turning at other paces; names that
break delimiters, replacements, ready CDAs in every dress XML has, official structured samples, the three suites of a lot.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.cda.pdf_samples import plain
from tests.conformity.large import large_pdf
from tests.conformity.national_values import DOCUMENT_TYPES, class_of_type, labels
from tests.conformity.people import AUTHORS, EVERYDAY, MARTIN, STRUCTURES, Patient, Structure, odd_patients
from tests.conformity.ready import dressed, official_samples, other_bodies
from tests.rig.processes import ROOT

EXAMPLES = ROOT / "examples" / "documents"
TYPES = (
    *("57833-6", "PRESC-BIO", "55115-0", "PRESC-KINE", "PRESC-INF", "PRESC-PEDI", "PRESC-ORTHOPHO", "PRESC-ORTHOPTIE", "PRESC-AAT"),
    *("57828-6", "57832-8", "89601-9", "CERT_DECL", "60591-5", "11488-4", "96349-6", "18761-7", "85208-7", "70004-7", "11505-5"),
    *("87273-9", "11369-6", "96173-0", "11502-2", "18748-4", "34874-8", "PROT_ALD", "SYNTH"),
)
"""dmp.md section 7, each as a PDF."""
SAMPLED_NAMES = 60


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Case:
    """One document to send; `after` names the case it replaces, `ends` the end of each delivery when it is not delivered."""

    name: str
    request: dict[str, Any]
    document: bytes
    media: str = "application/pdf"
    after: str | None = None
    ends: tuple[str, ...] = ()

    @property
    def expected(self) -> list[str]:
        """State of each delivery in the end."""
        deliver = self.request["deliver"]
        asked = int(deliver["dmp"]) + int(deliver["patient_mail"]["send"]) + len(deliver["professionals"])
        return list(self.ends) or ["delivered"] * asked


def destinations(*, dmp: bool = True, patient: bool = False, professional: bool = False) -> dict[str, Any]:
    """The `deliver` of a request."""
    return {"dmp": dmp, "patient_mail": {"send": patient, "may_reply": professional}, "professionals": [MARTIN] if professional else []}


VISIBILITIES: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({}, destinations(patient=True, professional=True)),
    ({"masked_to_professionals": True}, destinations(patient=True)),
    ({"hidden_from_patient": True}, destinations(professional=True)),
    ({"hidden_from_representatives": True}, destinations()),
    ({"masked_to_professionals": True, "hidden_from_representatives": True}, destinations()),
    ({"hidden_from_patient": True, "hidden_from_representatives": True}, destinations()),
    ({"hidden_from_patient": True, "reveal_to_patient_at": "2027-01-15T08:00:00+01:00"}, destinations(professional=True)),
)
EVERYBODY: dict[str, Any] = {"visibility": {}, "deliver": destinations(patient=True, professional=True)}
_MOMENTS = (
    ("2026-11-22T09:30:00+01:00", "2026-11-22T09:15:00+01:00", None),
    ("2026-07-14T23:59:59+02:00", None, "2026-07-15T00:10:00+02:00"),
    ("2026-11-22T03:00:00-04:00", "2026-11-22T06:45:00Z", "2026-11-22T07:15:30Z"),
)


def example(name: str) -> bytes:
    """A sample document of the project."""
    return (EXAMPLES / f"{name}.pdf").read_bytes()


def pdf_case(
    name: str,
    patient: Patient,
    *,
    structure: Structure = STRUCTURES[0],
    rank: int = 0,
    kind: str = "57833-6",
    title: str = "Ordonnance",
    document: bytes | None = None,
    after: str | None = None,
    visibility: dict[str, Any] | None = None,
    deliver: dict[str, Any] | None = None,
) -> Case:
    """A PDF; author, moments, and masking with its destinations unless given, follow `rank`."""
    masked, reached = VISIBILITIES[rank % len(VISIBILITIES)]
    created, start, stop = _MOMENTS[rank % len(_MOMENTS)]
    request = {
        "structure": structure.id,
        "author": {"id": AUTHORS[rank % len(AUTHORS)]},
        "patient": patient.part(),
        "document": {"type": kind, "title": title, "created_at": created, "service_start": start, "service_stop": stop},
        "visibility": masked if visibility is None else visibility,
        "deliver": reached if deliver is None else deliver,
    }
    return Case(name=name, request=request, document=document or example("ordonnance"), after=after)


def families() -> Iterator[Case]:
    """Every document family from every structure."""
    documents = [example(name) for name in ("ordonnance", "certificat", "lettre-adressage", "prescription-biologie")]
    for rank, (kind, structure) in enumerate(itertools.product(TYPES, STRUCTURES)):
        patient = EVERYDAY[rank % len(EVERYDAY)]
        name = f"family {kind} {structure.sector} {rank}"
        yield pdf_case(name, patient, structure=structure, rank=rank, kind=kind, document=documents[rank % len(documents)])


def other_types() -> Iterator[Case]:
    """Every further type of JDV_J07 that has a class; the signature of a lot (ASTM E1762) is no document."""
    national = {kind for kind in labels(*DOCUMENT_TYPES) if kind[1] != "ASTM"}
    further = sorted(kind[0] for kind, nature in class_of_type().items() if nature and kind in national and kind[0] not in TYPES)
    for rank, kind in enumerate(further):
        yield pdf_case(f"type {kind}", EVERYDAY[rank % len(EVERYDAY)], structure=STRUCTURES[rank % len(STRUCTURES)], rank=rank, kind=kind)


def odd_names() -> Iterator[Case]:
    """Names, titles and local identifiers that hold delimiters, accents, two and a hundred characters."""
    for rank, (patient, title) in enumerate(odd_patients(SAMPLED_NAMES)):
        yield pdf_case(f"name {rank}", patient, rank=rank, title=title[:200], **EVERYBODY)
    yield pdf_case("title of 200", EVERYDAY[0], title="Ç" * 200, **EVERYBODY)


def files() -> Iterator[Case]:
    """Other files than the usual page: several pages with pictures, scans up to the limit, PDFs that are converted first."""
    for name in ("compte-rendu", "numerisation", "courrier-non-pdfa"):
        yield pdf_case(f"file {name}", EVERYDAY[0], kind="11488-4", title=name, document=example(name), **EVERYBODY)
    heavy = large_pdf(example("certificat"), 3_500_000)
    yield pdf_case("file 3.5 MB", EVERYDAY[1], kind="11488-4", document=heavy, **EVERYBODY)
    heaviest = large_pdf(example("certificat"), 9_900_000)
    yield pdf_case("file 9.9 MB", EVERYDAY[1], kind="11488-4", document=heaviest, visibility={}, deliver=destinations())
    yield pdf_case("file unembedded fonts", EVERYDAY[1], kind="11488-4", document=plain(pages=3), **EVERYBODY)


def replacements() -> Iterator[Case]:
    """Three versions of one document, each to everybody."""
    yield pdf_case("version 1", EVERYDAY[0], **EVERYBODY)
    yield pdf_case("version 2", EVERYDAY[0], after="version 1", title="Ordonnance corrigée", **EVERYBODY)
    yield pdf_case("version 3", EVERYDAY[0], after="version 2", title="Ordonnance corrigée encore", rank=2, **EVERYBODY)


def unqualified() -> Iterator[Case]:
    """An identity that is only validated: to a professional, under the local identifier."""
    who = Patient("2750175111222", "PROVISOIRE", "ÈVE", "ÈVE", status="VALI")
    yield pdf_case("unqualified", who, visibility={}, deliver=destinations(dmp=False, professional=True))


def ready() -> Iterator[Case]:
    """CDAs made elsewhere: N1 in every dress, official N3 samples; a structured body has no PDF copy for the mail yet."""
    for name, data in dressed(example("certificat")).items():
        request = {"deliver": destinations(patient=True, professional=True)}
        yield Case(name=f"ready {name}", request=request, document=data, media="application/xml")
    for media, data in other_bodies().items():
        request = {"deliver": destinations(professional=True)}
        yield Case(name=f"ready {media}", request=request, document=data, media="application/xml", ends=("delivered", "held"))
    for name, data in official_samples().items():
        yield Case(name=f"sample {name}", request={"deliver": destinations()}, document=data, media="text/xml")


def suite() -> Iterator[Case]:
    """A few documents for the gateways whose lots are signed otherwise."""
    for rank, kind in enumerate(("57833-6", "11488-4", "89601-9")):
        yield pdf_case(f"suite {kind}", EVERYDAY[rank], rank=rank, kind=kind)
    yield pdf_case("suite version 1", EVERYDAY[3], visibility={}, deliver=destinations())
    yield pdf_case("suite version 2", EVERYDAY[3], after="suite version 1", visibility={}, deliver=destinations())


def everything() -> list[Case]:
    """All that the first gateway sends, in the order of sending."""
    return [*families(), *other_types(), *odd_names(), *files(), *replacements(), *unqualified(), *ready()]
