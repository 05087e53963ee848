"""`relais conformity install DIR --home DIR`: takes the official schemas as downloaded from ANS into the home."""

from __future__ import annotations

from pathlib import Path

from gateway.cda.conformity import install_pack, load_pack
from gateway.kernel.errors import ConfigurationFault
from gateway.kernel.home import Home


class FolderMissing(ConfigurationFault):
    """No folder was given."""

    code = "folder-missing"
    what = "Indiquez le dossier téléchargé auprès de l'ANS."
    gesture = "Par exemple : relais conformity install ~/schemas --home /var/lib/relais."


def conformity(home: Home, action: str, folder: Path | None) -> int:
    """Install or show the pack; raises PackInvalid, FolderMissing."""
    if action == "install":
        if folder is None:
            raise FolderMissing
        print(f"Schémas officiels installés : version {install_pack(folder, home.root).version}.")
        return 0
    pack = load_pack(home.root)
    print("Aucun schéma officiel installé." if pack is None else f"Schémas officiels : version {pack.info.version}.")
    return 0 if pack is not None else 1
