"""Where the processor time of a document goes: each stage that is plain computing, run alone in this process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from gateway.cda.build import build_n1
from gateway.cda.checks import check_document
from gateway.cda.pdf.check import inspect_pdf
from gateway.cda.reading import read_cda
from gateway.dmp.feed import feed_request
from gateway.dmp.lot import SealedLot, seal_lot
from gateway.dmp.token import vihf_facts
from gateway.model.visibility import Visibility
from gateway.mss.compose import compose
from gateway.trust.vault import open_vault
from gateway.wire.saml import build_vihf
from gateway.wire.secret import Secret
from tests.bench.figures import Figure
from tests.bench.floor import cpu_of
from tests.bench.process import load_average
from tests.mss.letters import PATIENT, clinical, draft
from tests.trust.judges import signer
from tests.xds.documents import DOCTOR, INS, NOW, SETTINGS

_URL = f"{SETTINGS.url}/repository"
_T = TypeVar("_T")


def measure_stages(sent: bytes) -> list[Figure]:
    """CPU of each stage for one document, in the order of its walk."""
    header, letter, key_signer = clinical(), draft(pdf=sent, recipient=PATIENT), signer()
    cda, mail = letter.cda, compose(letter)
    facts = vihf_facts(DOCTOR, letter.structure, INS, SETTINGS, Secret("BANC"))

    def seal() -> SealedLot:
        lot = seal_lot(
            header, cda, structure=letter.structure, author=DOCTOR, visibility=Visibility(), settings=SETTINGS, signer=key_signer, now=NOW
        )
        return _settled(lot)

    lot, vihf = seal(), _settled(build_vihf(facts, key_signer, NOW))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "document.pdf"
        path.write_bytes(sent)
        key = open_vault(Path(folder), create=True).new_key()
        stages: dict[str, Callable[[], object]] = {
            "PDF inspection": lambda: inspect_pdf(path),
            "encryption at rest (document, CDA, mail)": lambda: [key.seal(one, b"bench") for one in (sent, cda, mail)],
            "CDA": lambda: build_n1(header, sent, "application/pdf"),
            "own rules on the CDA": lambda: check_document(cda),
            "mail (archive, texts, base64)": lambda: compose(letter),
            "header read back": lambda: read_cda(cda, with_body=False),
            "lot: derived, signed, verified": seal,
            "VIHF (one of two)": lambda: _settled(build_vihf(facts, key_signer, NOW)),
            "ITI-41 request": lambda: feed_request(lot, cda, vihf.xml, _URL, "urn:uuid:0"),
        }
        measured = {name: cpu_of(stage) for name, stage in stages.items()}
    average = load_average()
    return [Figure(name=f"stage: {name}", value=seconds * 1000, unit="ms", load=average) for name, seconds in measured.items()]


def _settled(work: Coroutine[Any, Any, _T]) -> _T:
    """What a coroutine that waits for nothing returns."""
    try:
        work.send(None)
    except StopIteration as end:
        value: _T = end.value
        return value
    raise RuntimeError("a stage waits for something: it cannot be measured alone")
