"""The sample documents: what they claim is true, and the script that makes them is repeatable."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.cda.pdf.check import inspect_pdf
from gateway.cda.pdf.pdfa import convert_to_pdfa1b
from gateway.nomenclature.codes import class_of_type, document_type
from tests.cda.pdf_judges import fonts_embedded, page_count, preflight, text_of
from tests.shared import need
from tests.tools import need_tool

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "examples" / "documents"
NAMES = sorted(path.stem for path in FOLDER.glob("*.pdf"))
PATIENTS: list[dict[str, Any]] = json.loads((FOLDER / "patients.json").read_text(encoding="utf-8"))


def request_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_there_are_enough_of_them_and_they_stay_small() -> None:
    assert len(NAMES) >= 6
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 5_000_000
    assert 1_800_000 < (FOLDER / "numerisation.pdf").stat().st_size < 2_300_000


@pytest.mark.conformity
def test_all_but_one_are_pdfa1b_for_preflight_and_for_us() -> None:
    verdicts = preflight(*(FOLDER / f"{name}.pdf" for name in NAMES))
    refused = {file for file, errors in verdicts.items() if errors}
    assert refused == {"courrier-non-pdfa.pdf"}
    assert {f"{name}.pdf" for name in NAMES if not inspect_pdf(FOLDER / f"{name}.pdf").is_pdfa1b} == refused


@pytest.mark.conformity
async def test_the_one_that_is_not_converts(tmp_path: Path) -> None:
    need_tool("gs")
    assert not any(fonts_embedded(FOLDER / "courrier-non-pdfa.pdf"))
    target = tmp_path / "courrier.pdf"
    report = await convert_to_pdfa1b(FOLDER / "courrier-non-pdfa.pdf", target)
    assert preflight(target) == {"courrier.pdf": []}
    assert report.text_kept > 0.99
    assert "désensibilisation" in text_of(target)


def test_the_report_has_several_pages() -> None:
    assert page_count(FOLDER / "compte-rendu.pdf") == 3


@pytest.mark.parametrize("name", [name for name in NAMES if name != "numerisation"])
def test_the_document_shows_the_identity_of_its_request(name: str) -> None:
    request = request_of(name)
    text = " ".join(text_of(FOLDER / f"{name}.pdf").split())
    patient = request["patient"]
    year, month, day = patient["birth_date"].split("-")
    assert patient["birth_family_name"] in text
    assert f"{day}/{month}/{year}" in text
    assert patient["ins"]["matricule"] in text.replace(" ", "")
    assert "MOREL" in text or "LE GOFF" in text


@pytest.mark.parametrize("name", NAMES)
def test_the_request_has_the_shape_of_the_contract(name: str) -> None:
    request = request_of(name)
    assert list(request) == ["structure", "author", "patient", "document", "visibility", "deliver"]
    assert request["structure"] == "10B0152872"
    assert request["patient"]["identity_status"] == "QUAL"
    kind = request["document"]["type"]
    assert document_type(kind).code == kind
    assert class_of_type(kind).code in ("10", "42", "52")
    assert set(request["deliver"]) == {"dmp", "patient_mail", "professionals"}
    assert re.fullmatch(r"2026-11-\d\dT\d\d:\d\d:00\+01:00", request["document"]["created_at"])


@pytest.mark.conformity
def test_the_request_has_the_fields_of_the_contract_itself() -> None:
    contract = need("contract.md").read_text(encoding="utf-8")
    sample = json.loads(contract.split("```json\n")[1].split("```")[0])
    for name in NAMES:
        request = request_of(name)
        assert list(request) == list(sample)
        assert {part: list(value) for part, value in request.items() if isinstance(value, dict)} == {
            part: list(value) for part, value in sample.items() if isinstance(value, dict)
        }


def test_every_patient_of_a_request_is_known_with_the_same_traits() -> None:
    known = {patient["ins"]["matricule"]: patient for patient in PATIENTS}
    for name in NAMES:
        patient = request_of(name)["patient"]
        registered = known[patient["ins"]["matricule"]]
        shared = set(registered) & set(patient)
        assert len(shared) == 7
        assert all(registered[key] == patient[key] for key in shared)
    assert {patient["dmp"] for patient in PATIENTS} == {"active", "none", "closed"}


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient["birth_family_name"])
def test_matricules_have_their_key_and_the_test_authority(patient: dict[str, Any]) -> None:
    matricule = patient["ins"]["matricule"]
    body = int(matricule[:13].replace("2A", "19").replace("2B", "18"))
    assert len(matricule) == 15
    assert int(matricule[13:]) == 97 - body % 97
    assert patient["ins"]["oid"] == "1.2.250.1.213.1.4.10"


@pytest.mark.conformity
def test_identities_are_the_published_ones() -> None:
    with need("data", "insi", "tables", "test_identities.csv").open(encoding="utf-8", newline="") as stream:
        published = {row["matricule"] + row["cle"][:2] for row in csv.DictReader(stream)} | {"279035121518989"}
    assert {patient["ins"]["matricule"] for patient in PATIENTS} <= published


def test_the_script_makes_these_documents_and_always_the_same_bytes(tmp_path: Path) -> None:
    made = [tmp_path / "one", tmp_path / "two"]
    for folder in made:
        subprocess.run([sys.executable, "-m", "examples.make_documents", str(folder)], cwd=ROOT, check=True, capture_output=True)
    assert {path.name for path in made[0].iterdir()} == {path.name for path in FOLDER.iterdir()}
    for path in made[0].iterdir():
        assert path.read_bytes() == (made[1] / path.name).read_bytes()
        if path.suffix == ".json":
            assert path.read_bytes() == (FOLDER / path.name).read_bytes()
        else:
            # Another zlib or libjpeg may pack the same pages otherwise.
            assert text_of(path) == text_of(FOLDER / path.name)
            assert inspect_pdf(path).objects == inspect_pdf(FOLDER / path.name).objects
