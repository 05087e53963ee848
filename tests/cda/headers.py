"""A header to start from, and the strategies that vary it. Invented people; the published test identity of PAT-TROIS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
from hypothesis import strategies as st

from gateway.cda.names import N1_TEMPLATES
from gateway.kernel import oids
from gateway.kernel.concept import Concept
from gateway.model.document import Author, ClinicalHeader, LocalId, Subject
from gateway.model.patient import Ins, Sex, Traits, matricule_key
from gateway.model.people import Organization, Person

WINTER = timezone(timedelta(hours=1))
SUMMER = timezone(timedelta(hours=2))
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n<pdfaid:part>1</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>\n%%EOF\n"

ORDER = Concept("57833-6", oids.LOINC, "Prescription de produits de santé")
NORMAL = Concept("N", oids.HL7_CONFIDENTIALITY, "Normal")
GENERALIST = Concept("G15_10/SM26", "1.2.250.1.213.1.1.4.5", "Médecin - Qualifié en Médecine Générale (SM)")
AMBULATORY = Concept("AMBULATOIRE", "1.2.250.1.213.1.1.4.9", "Ambulatoire")
OFFICE = Concept("SA07", "1.2.250.1.71.4.2.4", "Cabinet individuel")
ATTENDING = Concept("PCP", "2.16.840.1.113883.5.88", "Médecin Traitant")

DOCTOR = Person(id="899700366240", family="D'ARTIMON", given="Hélène", civility="MME", title="DR")
PRACTICE = Organization(id="10B0152872", name="Cabinet médical de l'Écluse")
TRAITS = Traits(
    birth_family_name="PAT-TROIS",
    birth_given_names="DOMINIQUE MARIE-LOUISE",
    first_birth_given_name="DOMINIQUE",
    sex=Sex.FEMALE,
    birth_date="1979-03-28",
    birth_place="51215",
)
INS = Ins.checked("279035121518989", oids.INS_NIR_TEST)
SUBJECT = Subject(traits=TRAITS, ins=INS, local=LocalId(root="1.2.250.1.999.1.1", extension="P-1042"), qualified=True)

HEADER = ClinicalHeader(
    unique_id="2.25.240372283129423434112233445566778899001",
    set_id="2.25.240372283129423434112233445566778899002",
    version=1,
    type=ORDER,
    title="Ordonnance",
    created_at=datetime(2026, 11, 22, 9, 30, tzinfo=WINTER),
    confidentiality=NORMAL,
    language="fr-FR",
    subject=SUBJECT,
    authors=(Author(person=DOCTOR, specialty=GENERALIST, organization=PRACTICE),),
    custodian=PRACTICE,
    legal_authenticator=DOCTOR,
    legal_authenticator_organization=PRACTICE,
    legal_authentication_time=None,
    service_start=datetime(2026, 11, 22, 9, 15, tzinfo=WINTER),
    service_stop=None,
    performer=DOCTOR,
    performer_organization=PRACTICE,
    practice_setting=AMBULATORY,
    facility=OFFICE,
    templates=N1_TEMPLATES,
    body_media_type="application/pdf",
)

RICH = msgspec.structs.replace(
    HEADER,
    version=3,
    replaces="2.25.240372283129423434112233445566778899000",
    order_ids=("1.2.250.1.999.7^O-77", "2.25.77"),
    event_codes=(
        Concept("DEQP003", "1.2.250.1.213.2.5", "Électrocardiographie sur au moins 12 dérivations"),
        Concept("Z00.0", "2.16.840.1.113883.6.3", "Examen médical général"),
    ),
    service_stop=datetime(2026, 11, 22, 9, 40, tzinfo=WINTER),
    legal_authentication_time=datetime(2026, 11, 22, 9, 45, tzinfo=WINTER),
    legal_authenticator_organization=None,
    authors=(
        Author(
            person=DOCTOR,
            specialty=GENERALIST,
            organization=PRACTICE,
            function=ATTENDING,
            time=datetime(2026, 11, 22, 9, 20, tzinfo=WINTER),
        ),
        Author(
            person=Person(id="10B0152872/SEC-2", family="Ny", given="Zoé"),
            specialty=Concept("SECRETARIAT_MEDICAL", "1.2.250.1.213.1.1.4.6", "Secrétariat médical"),
            organization=PRACTICE,
        ),
    ),
    subject=msgspec.structs.replace(
        SUBJECT, traits=msgspec.structs.replace(TRAITS, used_family_name="L'HÉRITIER-Ñandú", used_given_name="Dominique")
    ),
)


def with_traits(**changes: Any) -> ClinicalHeader:
    """HEADER with other traits."""
    traits = msgspec.structs.replace(TRAITS, **changes)
    return msgspec.structs.replace(HEADER, subject=msgspec.structs.replace(SUBJECT, traits=traits))


LETTERS = "ABCDÉÈÀÇŒabcdéèàçœïüÿñßøŁ" + "'’-^|&<>\"~\\"
names = st.one_of(
    st.text(LETTERS, min_size=2, max_size=2),
    st.text(LETTERS, min_size=100, max_size=100),
    st.text(LETTERS + " ", min_size=1, max_size=40).map(str.strip).filter(bool),
    st.sampled_from(["O'Brien", "N^Guyen|Le&Roy", "Éléonore-Zoë", "Ng", "d’Estaing  Vallée"]),
)
titles = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=80).filter(
    lambda text: text == text.strip(" ") and bool(text.strip())
)
offsets = st.sampled_from([WINTER, SUMMER, UTC, timezone(timedelta(hours=-4)), timezone(timedelta(hours=5, minutes=45))])
instants = st.builds(
    lambda day, second, zone: (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=day, seconds=second)).astimezone(zone),
    st.integers(0, 20_000),
    st.integers(0, 86_399),
    offsets,
)
birth_dates = st.one_of(
    st.dates().map(lambda day: day.isoformat()).filter(lambda text: text > "1800"),
    st.sampled_from(["1950-00-00", "1962-02-00", "2024-02-29"]),
)


@st.composite
def matricules(draw: st.DrawFn) -> Ins:
    """An INS with a right key, Corsica included."""
    department = draw(st.sampled_from(["75", "2A", "2B", "99", "01"]))
    number = f"{draw(st.integers(10_000, 29_999))}{department}{draw(st.integers(0, 999_999)):06d}"
    return Ins.checked(number + matricule_key(number), draw(st.sampled_from(sorted(oids.INS_ALL))))


@st.composite
def persons(draw: st.DrawFn) -> Person:
    """A professional."""
    return Person(
        id=draw(st.sampled_from(["899700366240", "810000000012", "10B0152872/42"])),
        family=draw(names),
        given=draw(names),
        civility=draw(st.sampled_from([None, "M", "MME"])),
        title=draw(st.sampled_from([None, "DR", "PR"])),
    )


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    """A subject with or without a qualified INS."""
    first = draw(names)
    others = draw(st.one_of(st.just(""), names))
    traits = Traits(
        birth_family_name=draw(names),
        birth_given_names=f"{first} {others}"[:100].strip(),
        first_birth_given_name=first,
        sex=draw(st.sampled_from(Sex)),
        birth_date=draw(birth_dates),
        birth_place=draw(st.sampled_from(["51215", "2A004", "2B033", "99341"])),
        used_family_name=draw(st.one_of(st.none(), names)),
        used_given_name=draw(st.one_of(st.none(), names)),
    )
    qualified = draw(st.booleans())
    local = LocalId(root="1.2.250.1.999.1.1", extension=draw(names))
    return Subject(
        traits=traits,
        ins=draw(matricules()) if qualified else None,
        local=draw(st.sampled_from([local, None])) if qualified else local,
        qualified=qualified,
    )


@st.composite
def headers(draw: st.DrawFn) -> ClinicalHeader:
    """A whole header in normal form: times equal to the document's are left out."""
    created = draw(instants)
    other = draw(st.one_of(st.none(), instants.filter(lambda when: when != created)))
    start = draw(instants)
    organization = Organization(id="10B0152872", name=draw(names))
    author = Author(person=draw(persons()), specialty=draw(st.sampled_from([None, GENERALIST])), organization=organization, time=other)
    return msgspec.structs.replace(
        draw(st.sampled_from([HEADER, RICH])),
        title=draw(titles),
        created_at=created,
        subject=draw(subjects()),
        authors=(author, msgspec.structs.replace(author, person=draw(persons()), function=ATTENDING)),
        custodian=organization,
        legal_authenticator=draw(persons()),
        legal_authentication_time=other,
        service_start=start,
        service_stop=draw(st.one_of(st.none(), st.just(start + timedelta(minutes=20)))),
        performer=draw(persons()),
    )
