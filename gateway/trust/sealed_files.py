"""Every file of a home that is sealed by its vault, and what its seal is bound to: what a box that takes a home over must seal anew.

A sealed file that is not listed here would be lost at a restoration: `sealed_files` raises rather than leave one out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.kernel.errors import ConfigurationFault
from gateway.trust import lan
from gateway.trust.keystore import key_context
from gateway.trust.roles import Role
from gateway.trust.secret_file import secret_context
from gateway.trust.vault import PSEUDONYMS


class SealedFileUnknown(ConfigurationFault):
    """A sealed file of this home comes from a version of Relais that this one does not know."""

    code = "sealed-file-unknown"
    what = "Un fichier protégé de ce boîtier n'est pas connu de cette version de Relais : il ne peut pas être repris sans perte."
    gesture = "Installez la version de Relais qui a fait la sauvegarde, ou une plus récente, puis recommencez."


def sealed_files(home: Path) -> Iterator[tuple[Path, bytes]]:
    """Each sealed file and the context of its seal, the carried pseudonyms left out (`Vault.adopt`); raises SealedFileUnknown."""
    for path in sorted(home.rglob("*.sealed")):
        place = path.relative_to(home).parts
        match place:
            case ("keys", structure, name):
                yield path, key_context(structure, _role(name))
            case ("secrets", name):
                yield path, secret_context(name.removesuffix(".sealed"))
            case (lan.AUTHORITY_FILE,):
                yield path, lan.AUTHORITY_CONTEXT
            case (lan.SERVER_FILE,):
                yield path, lan.SERVER_CONTEXT
            case (name,) if name == PSEUDONYMS:
                continue
            case _:
                raise SealedFileUnknown(f"{len(place)} parts")


def _role(name: str) -> Role:
    try:
        return Role(name.partition(".")[0])
    except ValueError:
        raise SealedFileUnknown("role") from None
