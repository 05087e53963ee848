"""Invented clinical headers, and the strategies that vary their names: accents, apostrophes, hyphens, delimiters, 2 and 100 characters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from gateway.kernel.concept import Concept
from gateway.kernel.config import Dmp, Professional, Structure
from gateway.kernel.oids import INS_NIR_TEST
from gateway.model.document import Author, ClinicalHeader, LocalId, Subject
from gateway.model.patient import Ins, Sex, Traits
from gateway.model.people import Organization, Person
from gateway.nomenclature import codes
from tests.trust.pki import ORGANISATION, STRUCTURE

NOW = datetime(2026, 11, 22, 8, 45, 12, 345_000, tzinfo=UTC)
PARIS = timezone(timedelta(hours=1))
INS = Ins.checked("279035121518989", INS_NIR_TEST)
CDA = b'<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Ordonnance \xc3\xa9t\xc3\xa9</title></ClinicalDocument>'
UNIQUE_ID = "2.25.299518904337880959076241620201932965147"
OLD_ID = "2.25.329800735698586629295641978511506172918"
DOCTOR = Professional(id="899700366240", family="MARTIN", given="CAMILLE", specialty="SM54")
CABINET = Structure(
    id=STRUCTURE,
    name=ORGANISATION,
    patient_root="1.2.250.1.999.1.1.7898.2",
    source_id="1.2.250.1.999.1.1.7898",
    sector="SA52",
    professionals=(DOCTOR,),
)
SETTINGS = Dmp(url="https://dmp.test/si-dmp-server/v2/services", lps_id="01.02")

names = st.one_of(
    st.sampled_from(["LE", "D'ARTAGNAN", "NOËL-ÇIÇEK", "A^B", "O&K", "P|Q", "L~M", "B\\S", "É" * 100, "DE LA TOUR & FILS ^ | '"]),
    st.text(alphabet=st.sampled_from("ABCDÉÈÇŒÏabcéèœ '-&^|~\\.()/+,;<>\"%"), min_size=2, max_size=100)
    .map(str.strip)
    .filter(lambda t: len(t) > 1),
)


def header(
    *,
    family: str = "PAT-TROIS",
    given: str = "DOMINIQUE",
    author: Professional = DOCTOR,
    structure: Structure = CABINET,
    title: str = "Ordonnance",
    type_code: str = "57833-6",
    ins: Ins | None = INS,
    qualified: bool = True,
    used_family: str | None = None,
    templates: tuple[str, ...] = (codes.UNSTRUCTURED_TEMPLATE,),
    body: str | None = "application/pdf",
    replaces: str | None = None,
    confidentiality: str = "N",
) -> ClinicalHeader:
    """A prescription of a health centre, N1, qualified; every argument is one way of being another document."""
    who = Person(id=author.id, family=author.family, given=author.given)
    where = Organization(id=structure.id, name=structure.name)
    kind = codes.document_type(type_code)
    traits = Traits(
        birth_family_name=family,
        birth_given_names=f"{given} MARIE",
        first_birth_given_name=given,
        sex=Sex.FEMALE,
        birth_date="1979-03-05",
        birth_place="51215",
        used_family_name=used_family,
    )
    begin = datetime(2026, 11, 22, 9, 15, tzinfo=PARIS)
    return ClinicalHeader(
        unique_id=UNIQUE_ID,
        set_id=UNIQUE_ID,
        version=1,
        type=kind,
        title=title,
        created_at=datetime(2026, 11, 22, 0, 30, tzinfo=PARIS),
        confidentiality=codes.confidentiality(confidentiality),
        language="fr-FR",
        subject=Subject(traits=traits, ins=ins, local=LocalId(root=structure.patient_root, extension="P-1042"), qualified=qualified),
        authors=(Author(person=who, specialty=codes.author_specialty("G15_10/SM54"), organization=where, function=codes.function("PCP")),),
        custodian=where,
        legal_authenticator=who,
        legal_authenticator_organization=where,
        legal_authentication_time=begin,
        service_start=begin,
        service_stop=None,
        performer=who,
        performer_organization=where,
        practice_setting=codes.practice_setting("AMBULATOIRE"),
        facility=codes.facility_type(structure.sector),
        templates=templates,
        event_codes=(Concept("HBQK389", "1.2.250.1.213.2.5", "Radiographie"),),
        replaces=replaces,
        body_media_type=body,
        order_ids=("1.2.3.4^A-1",),
    )
