"""From the Debian root to the root of Relais: one tar rewritten into another, member by member, nothing mounted and nothing unpacked."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from image.build.board import EPOCH, IMAGE, SITE

ENABLED = {
    "multi-user.target.wants": (
        "relais.target",
        "chrony.service",
        "rauc.service",
        "systemd-networkd.service",
        "relais-firewall.service",
        "relais-ports.service",
        "relais-first-boot.service",
        "relais-machine-id.service",
        "relais-health.service",
    ),
    "relais.target.wants": ("relais.service", "relais-devices.service"),
    "sockets.target.wants": ("relais.socket", "relais-egress.socket", "pcscd.socket", "systemd-networkd.socket"),
    "sysinit.target.wants": ("systemd-resolved.service", "systemd-tmpfiles-setup-dev.service"),
    "network-online.target.wants": ("systemd-networkd-wait-online.service",),
}
_UNWANTED = ("etc/systemd/system/getty.target.wants/", "etc/systemd/system/timers.target.wants/apt", "etc/resolv.conf", "etc/hostname")


@dataclass(frozen=True)
class Parts:
    """What is laid over the Debian root: folders, lowest first, and the version."""

    overlays: tuple[Path, ...]
    site: Path
    version: str


def rewrite(source: Path, target: Path, parts: Parts, boot: Path) -> None:
    """Write the new root, and the kernel and its memory disk into `boot`."""
    boot.mkdir(parents=True, exist_ok=True)
    laid = dict(_laid(parts))
    units: set[str] = {Path(name).name for name in laid if name.startswith("usr/lib/systemd/system/")}
    with tarfile.open(source) as old, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as new:
        for member in old:
            name = member.name.removeprefix("./")
            if name.startswith("boot/"):
                _keep_kernel(old, member, name, boot)
                continue
            if name.startswith("usr/lib/systemd/system/"):
                units.add(Path(name).name)
            if name in laid or name.startswith(("var/", "etc/systemd/system/multi-user.target.wants/", *_UNWANTED)):
                continue
            member.mtime = EPOCH
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
        for name, path in sorted(laid.items()):
            _add(new, name, path)
        for name in ("boot/efi/",):
            _folder(new, name)
        for name, text in _written(parts.version).items():
            _add_text(new, name, text)
        for name, where in _links(units).items():
            _link(new, name, where)


def _laid(parts: Parts) -> Iterator[tuple[str, Path]]:
    for overlay in parts.overlays:
        for path in sorted(overlay.rglob("*")):
            if path.is_file():
                yield str(path.relative_to(overlay)), path
    for path in sorted(parts.site.rglob("*")):
        if path.is_file():
            yield f"{SITE}/{path.relative_to(parts.site)}", path


def _written(version: str) -> dict[str, str]:
    return {"etc/relais-version": f"{version}\n", "etc/hostname": "relais\n", "etc/machine-id": ""}


def _links(units: set[str]) -> dict[str, str]:
    found = {
        f"etc/systemd/system/{folder}/{unit}": f"/usr/lib/systemd/system/{unit}"
        for folder, wanted in ENABLED.items()
        for unit in wanted
        if unit in units
    }
    found["etc/resolv.conf"] = "/run/systemd/resolve/stub-resolv.conf"
    found["etc/systemd/system/getty@tty1.service"] = "/dev/null"
    found["etc/systemd/system/apt-daily.timer"] = "/dev/null"
    found["etc/systemd/system/apt-daily-upgrade.timer"] = "/dev/null"
    return found


def _keep_kernel(old: tarfile.TarFile, member: tarfile.TarInfo, name: str, boot: Path) -> None:
    for start, kept in (("boot/vmlinuz-", "vmlinuz"), ("boot/initrd.img-", "initrd.img")):
        content = old.extractfile(member) if member.isreg() and name.startswith(start) else None
        if content is not None:
            (boot / kept).write_bytes(content.read())


def _add(new: tarfile.TarFile, name: str, path: Path) -> None:
    told = tarfile.TarInfo(f"./{name}")
    told.size, told.mtime = path.stat().st_size, EPOCH
    told.mode = 0o755 if name.startswith("usr/bin/") or path.stat().st_mode & 0o100 else 0o644
    with path.open("rb") as content:
        new.addfile(told, content)


def _add_text(new: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    told = tarfile.TarInfo(f"./{name}")
    told.size, told.mtime, told.mode = len(data), EPOCH, 0o644
    new.addfile(told, io.BytesIO(data))


def _folder(new: tarfile.TarFile, name: str) -> None:
    told = tarfile.TarInfo(f"./{name.rstrip('/')}")
    told.type, told.mtime, told.mode = tarfile.DIRTYPE, EPOCH, 0o755
    new.addfile(told)


def _link(new: tarfile.TarFile, name: str, where: str) -> None:
    told = tarfile.TarInfo(f"./{name}")
    told.type, told.linkname, told.mtime = tarfile.SYMTYPE, where, EPOCH
    new.addfile(told)


OVERLAY = IMAGE / "overlay"
