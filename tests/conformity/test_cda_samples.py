"""The 15 official samples: read, and passed by the own rules, but for the differences listed here with their reason.

Then the mutants of cda_signing.md section 7 made of the official VSM: each must be caught by the own rules, whatever schematrons say.
"""

from __future__ import annotations

import re

import pytest

from gateway.cda.checks import check_document
from gateway.cda.reading import read_cda
from gateway.kernel.errors import RelaisError
from gateway.xml.parse import parse
from tests.cda.rig import Judge
from tests.shared import SHARED, need

pytestmark = [pytest.mark.conformity, pytest.mark.xdist_group("cda-rig")]

FOLDER = ("data", "cda", "samples")
SAMPLES = sorted(path.name for path in SHARED.joinpath(*FOLDER).glob("*.xml")) or ["VSM_1.4_2022.01.xml"]

NOT_READ = {
    "CNAM-HR_2021.01_sans-info.xml": "cda-invalid",  # replaces a document by root and extension: the DMP knows roots only (dmp.md 3.2)
    "CSE-MDE_2023.01.xml": "ins-key-invalid",  # invented matricule with the key 01 where 47 is right: every key is recomputed
    "VAC_2023.01.xml": "cda-invalid",  # the patient signs it herself, by her INS: a cabinet does not feed such a document
    "eDISP-MED_2024.01.xml": "cda-invalid",  # first birth given name RUTH absent from the list of given names: contradictory traits
}
FOUND = {
    "BIO-TROD_2024.01_Angine.xml": {"time"},  # legalAuthenticator/time has the offset +100, which is no offset
    "BIO-TROD_2024.01_COVID-19.xml": {"time"},  # the same
    "CNAM-HR_2021.01_sans-info.xml": {"replaced-id-extension"},
    "CSE-MDE_2023.01.xml": {"ins-key"},
    "IMG_CR_IMG_2024.01_CDA-R2-Niveau-1.xml": {"replaced-id", "body-not-pdfa1"},  # replaces a UUID; its body is an ordinary PDF 1.7
    "VAC_2023.01.xml": {"person-id"},
    "eDISP-MED_2024.01.xml": {"trait-given-order"},
}


def sample(name: str) -> bytes:
    return need(*FOLDER, name).read_bytes()


@pytest.mark.parametrize("name", SAMPLES)
def test_official_samples_are_read(name: str) -> None:
    data = sample(name)
    if name in NOT_READ:
        with pytest.raises(RelaisError) as refusal:
            read_cda(data)
        assert refusal.value.code == NOT_READ[name]
        return
    document = read_cda(data)
    said = {str(e.tag).rpartition("}")[2]: e for e in reversed(list(parse(data)))}
    assert document.header.unique_id == said["id"].get("root")
    assert document.header.type.code == said["code"].get("code")
    assert document.header.created_at.strftime("%Y%m%d%H%M%S%z") == said["effectiveTime"].get("value")
    assert document.header.subject.qualified
    assert document.header.subject.traits.birth_place
    assert (document.body is None) == ("Niveau-1" not in name)
    assert len(document.header.authors) == sum(1 for e in parse(data) if str(e.tag).endswith("}author"))


@pytest.mark.parametrize("name", SAMPLES)
def test_official_samples_pass_the_own_rules(name: str) -> None:
    assert {one.rule for one in check_document(sample(name))} == FOUND.get(name, set())


MUTANTS: dict[str, tuple[str, str, str]] = {
    "bad-type": (r'<code\s+code="SYNTH"', '<code code="NOTYPE"', "document-type"),
    "bad-confidentiality": (r'<confidentialityCode\s+code="N"', '<confidentialityCode code="Z"', "confidentiality"),
    "no-set-id": (r"<setId[^>]*/>", "", "cardinality"),
    "language-en": (r'<languageCode\s+code="fr-FR"', '<languageCode code="en"', "language"),
    "no-birth-family": (r'<family qualifier="BR">[^<]*</family>', "", "trait-birth-name"),
    "no-birth-time": (r"<birthTime[^>]*/>", "", "trait-birth-date"),
    "no-birthplace": (r"<birthplace>.*?</birthplace>", "", "trait-birth-place"),
    "no-component-of": (r"<componentOf>.*?</componentOf>", "", "cardinality"),
    "no-custodian-id": (r"(<representedCustodianOrganization[^>]*>(?:\s|<!--.*?-->)*)<id[^>]*/>", r"\1", "custodian-id"),
    "no-legal-authenticator": (r"<legalAuthenticator>.*?</legalAuthenticator>", "", "cardinality"),
    "no-ci-sis-template": (r'<templateId root="1\.2\.250\.1\.213\.1\.1\.1\.1"\s*/>', "", "template-ci-sis"),
    "bare-date": (r'<effectiveTime\s+value="20200312111700\+0100"', '<effectiveTime value="20200312"', "document-time"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_twelve_mutants_are_caught(judge: Judge, name: str) -> None:
    pattern, new, rule = MUTANTS[name]
    original = sample("VSM_1.4_2022.01.xml").decode()
    mutant, count = re.subn(pattern, new, original, count=1, flags=re.DOTALL)
    assert count == 1
    assert rule in {one.rule for one in check_document(mutant.encode())}
    # the schematron lets a bare date pass (cda_signing.md section 7): only ours catches it
    assert (judge.faults(mutant.encode(), ("structmin",)) == []) == (name == "bare-date")


def test_signed_samples_are_no_clinical_documents() -> None:
    for name in ("signedpom.xml", "signedipsfra.xml"):
        data = need("data", "cda", "signed", name).read_bytes()
        assert check_document(data) != []
        with pytest.raises(RelaisError):
            read_cda(data)
