"""Network and time as systemd and chrony read them: written under the root that is given, only when the sheet says something."""

from __future__ import annotations

from pathlib import Path

from gateway.trust.files import write_durably
from provisioning.first_boot.sheet import FirstBoot

NETWORK = "etc/systemd/network/20-relais.network"
TIME = "etc/chrony/sources.d/relais.sources"


def system_files(first: FirstBoot) -> dict[str, str]:
    """Path under the root, and content."""
    files: dict[str, str] = {}
    if first.network is not None:
        lines = ["[Match]", "Type=ether", "", "[Network]", f"Address={first.network.address}", f"Gateway={first.network.gateway}"]
        files[NETWORK] = "\n".join([*lines, *(f"DNS={one}" for one in first.network.dns)]) + "\n"
    if first.time_servers:
        files[TIME] = "".join(f"server {one} iburst\n" for one in first.time_servers)
    return files


def write_system_files(root: Path, first: FirstBoot) -> list[str]:
    """Write them; what was written. Raises OSError."""
    files = system_files(first)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, content.encode(), 0o644)
    return sorted(files)
