"""Ghostscript is there to make PDF/A of what is not."""

from __future__ import annotations

import shutil

from gateway.health.check import Result, Severity, Site


async def check(site: Site) -> list[Result]:
    """Looks for the converter on the machine."""
    del site
    if shutil.which("gs"):
        return [Result(check="converter", severity=Severity.OK, what="La conversion en PDF/A est disponible.")]
    return [
        Result(
            check="converter",
            severity=Severity.ERROR,
            what="La conversion en PDF/A est impossible : Ghostscript n'est pas installé.",
            gesture="Installez le paquet ghostscript.",
        )
    ]
