"""The national and international OIDs that Relais writes or reads, each with its meaning and source.

Sources: dossiers `cda_signing.md` section 1, `dmp.md` sections 2 and 3, `mssante.md` section 2.3.
"""

from __future__ import annotations

INS_NIR = "1.2.250.1.213.1.4.8"
INS_NIA = "1.2.250.1.213.1.4.9"
INS_NIR_TEST = "1.2.250.1.213.1.4.10"
INS_NIR_DEMO = "1.2.250.1.213.1.4.11"
INS_C = "1.2.250.1.213.1.4.2"
"""Historical INS-C: read in old answers, never written."""

INS_PRODUCTION = frozenset({INS_NIR, INS_NIA})
INS_TEST = frozenset({INS_NIR_TEST, INS_NIR_DEMO})
INS_ALL = INS_PRODUCTION | INS_TEST

PROFESSIONALS = "1.2.250.1.71.4.2.1"
"""PS_IdNat: national identifiers of professionals."""
STRUCTURES = "1.2.250.1.71.4.2.2"
"""Struct_IdNat: national identifiers of structures."""

LOINC = "2.16.840.1.113883.6.1"
HL7_CONFIDENTIALITY = "2.16.840.1.113883.5.25"
VISIBILITY = "1.2.250.1.213.1.1.4.13"
"""MASQUE_PS, INVISIBLE_PATIENT, INVISIBLE_REPRESENTANTS_LEGAUX: metadata only, never in a CDA."""

DMP_SYSTEM = "1.2.250.1.213.4.1.1.1"
