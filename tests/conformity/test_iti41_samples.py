"""Official CDA samples, N1 and N3, read and described: each lot is valid, class and format follow the national tables."""

from __future__ import annotations

import pytest

from gateway.cda.reading import read_cda
from gateway.model.visibility import Visibility
from gateway.xds.derive import derive_entry, derive_submission
from gateway.xds.iti41 import write_lot
from gateway.xds.signature_entry import signature_entry
from tests.shared import need
from tests.xds.documents import CABINET, DOCTOR, NOW
from tests.xds.schemas import check_submission

pytestmark = pytest.mark.conformity
SAMPLES = {
    "VSM_1.4_2022.01.xml": ("SYNTH", "11", "urn:asip:ci-sis:vsm:2012"),
    "eP-MED-DM_2022.01_PosoNonStruct.xml": ("57833-6", "42", "urn:ihe:pharm:pre:2010"),
    "IMG_CR_IMG_2024.01_CDA-R2-Niveau-1.xml": ("18748-4", "31", "urn:ihe:iti:xds-sd:pdf:2008"),
    "VAC-NOTE_2023.01.xml": ("87273-9", "52", "urn:asip:ci-sis:vac-note:2021"),
    "BIO-TROD_2024.01_Angine.xml": ("96173-0", "52", "urn:ans:ci-sis:trod:2024"),
    "LDL-EES_2022.01.xml": ("18761-7", "11", "urn:asip:ci-sis:ldl-ees:2017"),
    "LDL-SES_2022.01.xml": ("11490-0", "10", "urn:asip:ci-sis:ldl-ses:2017"),
}


@pytest.mark.parametrize(("name", "expected"), SAMPLES.items())
def test_dmp02_sample_is_described(name: str, expected: tuple[str, str, str]) -> None:
    found = next(need("data", "cda", "samples").rglob(name), None)
    assert found is not None
    data = found.read_bytes()
    clinical = read_cda(data).header
    entry = derive_entry(clinical, data, visibility=Visibility())
    assert (entry.type_code.code, entry.class_code.code, entry.format_code.code) == expected
    submission = derive_submission(clinical, structure=CABINET, author=DOCTOR, unique_id="2.25.1", now=NOW)
    second = signature_entry(submission, entry, b"<Signature/>", unique_id="2.25.2", signed_at=NOW)
    check_submission(write_lot(submission, entry, second))
