"""The reader of PDF texts is there when documents are compared with the identity of their patient (setting `compare_text`).

A warning: without it nothing is compared and documents go on.
"""

from __future__ import annotations

import shutil

from gateway.health.check import Result, Severity, Site

_PROGRAMS = ("pdftotext", "prlimit")


async def check(site: Site) -> list[Result]:
    """Looks for both programs of a reading: the one that reads and the one that confines it."""
    if not site.configuration.identification.compare_text:
        return _found(Severity.OK, "Le texte des documents n'est pas comparé avec l'identité du patient (réglage « compare_text »).")
    missing = next((one for one in _PROGRAMS if shutil.which(one) is None), None)
    if missing is None:
        return _found(Severity.OK, "Le texte des documents peut être comparé avec l'identité du patient.")
    return _found(
        Severity.WARNING,
        f"Le texte des documents n'est pas comparé avec l'identité du patient : {missing} n'est pas installé.",
        "Installez le paquet poppler-utils." if missing == "pdftotext" else "Installez le paquet util-linux.",
    )


def _found(severity: Severity, what: str, gesture: str = "") -> list[Result]:
    return [Result(check="text-reader", severity=severity, what=what, gesture=gesture)]
