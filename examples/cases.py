"""Who and what the sample documents are about: published test identities, invented practice, requests as POST /documents takes them.

Identities: national test material (dossiers dmp.md section 8, insi.md test cases), all under the test authority 1.2.250.1.213.1.4.10; no
real person. Streets and telephone numbers are invented; the numbers belong to the range kept for fiction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TEST_AUTHORITY = "1.2.250.1.213.1.4.10"
STRUCTURE = "10B0152872"
MARTIN = "dr.martin@medecin.sandbox.mssante.fr"


@dataclass(frozen=True, slots=True)
class Doctor:
    """A professional of the practice, as printed and as named in a request."""

    id: str
    name: str
    speciality: str
    rpps: str


MOREL = Doctor("899700366240", "Docteur Camille MOREL", "Médecine générale", "99700366240")
LE_GOFF = Doctor("899700366257", "Docteur Yann LE GOFF", "Médecine générale", "99700366257")


@dataclass(frozen=True, slots=True)
class Patient:
    """A test identity: matricule without its key, traits, state of the DMP in the sandbox."""

    local_id: str
    body: str
    family: str
    given: str
    first: str
    sex: str
    birth_date: str
    birth_place: str
    dmp: str

    @property
    def matricule(self) -> str:
        """Fifteen characters: the thirteen of the body and the key, 97 less the rest of the division by 97 (2A is 19, 2B is 18)."""
        digits = int(self.body.replace("2A", "19").replace("2B", "18"))
        return f"{self.body}{97 - digits % 97:02d}"

    @property
    def traits(self) -> dict[str, Any]:
        """INS and traits with the names of the contract."""
        return {
            "ins": {"matricule": self.matricule, "oid": TEST_AUTHORITY},
            "birth_family_name": self.family,
            "birth_given_names": self.given,
            "first_birth_given_name": self.first,
            "sex": self.sex,
            "birth_date": self.birth_date,
            "birth_place": self.birth_place,
        }

    @property
    def birth_day(self) -> str:
        """Date of birth as French documents print it."""
        return "/".join(reversed(self.birth_date.split("-")))


PAT_TROIS = Patient("P-1042", "2790351215189", "PAT-TROIS", "DOMINIQUE MARIE", "DOMINIQUE", "F", "1979-03-05", "51215", "active")
CORSE = Patient("P-1107", "180032B020401", "CORSE", "ANTHONY", "ANTHONY", "M", "1980-03-02", "2B020", "active")
ADRUN = Patient("P-0873", "2751263220749", "ADRUN", "ZOE", "ZOE", "F", "1975-12-31", "63220", "active")
TCHITCHI = Patient("P-0316", "2360663220836", "TCHITCHI", "CATARINA BELLA", "CATARINA", "F", "1936-06-21", "63220", "active")
TOUSSAINT = Patient("P-0951", "160012B020777", "ADRTROIS", "TOUSSAINT", "TOUSSAINT", "M", "1960-01-01", "2B020", "active")
NESSI = Patient("P-1210", "1100863220830", "NESSI", "MICHELANGELO ANTHONY", "MICHELANGELO", "M", "2010-08-07", "63220", "active")
ADRDEUX = Patient("P-1188", "1810163220751", "ADRDEUX", "LAURENT", "LAURENT", "M", "1981-01-01", "63220", "none")
DOMINIQUE = Patient("P-1023", "297022A020778", "ADRTROIS", "DOMINIQUE", "DOMINIQUE", "F", "1997-02-26", "2A020", "closed")

PATIENTS = (PAT_TROIS, CORSE, ADRUN, TCHITCHI, TOUSSAINT, NESSI, ADRDEUX, DOMINIQUE)


@dataclass(frozen=True, slots=True)
class Case:
    """One sample: who wrote what about whom, when, and where it goes."""

    name: str
    patient: Patient
    doctor: Doctor
    type: str
    title: str
    day: str
    hour: str
    patient_mail: bool = False
    professionals: tuple[str, ...] = ()

    @property
    def request(self) -> dict[str, Any]:
        """The `request` part of POST /documents (contract section 3)."""
        start = f"{self.day}T{self.hour}:00+01:00"
        return {
            "structure": STRUCTURE,
            "author": {"id": self.doctor.id},
            "patient": self._patient,
            "document": {
                "type": self.type,
                "title": self.title,
                "created_at": f"{self.day}T{self.hour[:2]}:{int(self.hour[3:]) + 20:02d}:00+01:00",
                "service_start": start,
                "replaces": None,
            },
            "visibility": {
                "masked_to_professionals": False,
                "hidden_from_patient": False,
                "hidden_from_representatives": False,
                "reveal_to_patient_at": None,
            },
            "deliver": {
                "dmp": True,
                "patient_mail": {"send": self.patient_mail, "may_reply": False},
                "professionals": list(self.professionals),
            },
        }

    @property
    def _patient(self) -> dict[str, Any]:
        traits = self.patient.traits
        birth_names = ("birth_family_name", "birth_given_names", "first_birth_given_name")
        return {
            "local_id": self.patient.local_id,
            "ins": traits.pop("ins"),
            "identity_status": "QUAL",
            **{name: traits.pop(name) for name in birth_names},
            "used_family_name": None,
            "used_given_name": None,
            **traits,
        }


CASES = (
    Case("ordonnance", PAT_TROIS, MOREL, "57833-6", "Ordonnance", "2026-11-16", "09:10", patient_mail=True),
    Case("certificat", CORSE, MOREL, "89601-9", "Certificat médical d'aptitude au sport", "2026-11-16", "10:20", patient_mail=True),
    Case("lettre-adressage", ADRUN, MOREL, "96349-6", "Lettre d'adressage en cardiologie", "2026-11-17", "11:05", professionals=(MARTIN,)),
    Case(
        *("compte-rendu", TCHITCHI, MOREL, "11488-4", "Compte rendu de consultation", "2026-11-18", "14:30"),
        patient_mail=True,
        professionals=(MARTIN, "dr.leroy@medecin.sandbox.mssante.fr"),
    ),
    Case("numerisation", TOUSSAINT, MOREL, "PRESC-INF", "Prescription de soins infirmiers", "2026-11-18", "16:15"),
    Case("courrier-non-pdfa", NESSI, MOREL, "11488-4", "Courrier de consultation", "2026-11-19", "17:05", professionals=(MARTIN,)),
    Case("prescription-biologie", ADRDEUX, MOREL, "PRESC-BIO", "Prescription de biologie", "2026-11-19", "08:35", professionals=(MARTIN,)),
    Case("prescription-kine", DOMINIQUE, LE_GOFF, "PRESC-KINE", "Prescription de kinésithérapie", "2026-11-20", "15:10"),
)
"""The two last wait by design: one patient has no DMP, the other's is closed."""
