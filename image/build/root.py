"""The Debian root of a board, by mmdebstrap, as a tar; kept by the digest of its package list, since it is what takes time."""

from __future__ import annotations

import os
import re
from pathlib import Path

from image.build.board import SUITE, Board, modules, users
from image.build.commands import run

_SOURCES = Path("/etc/apt/sources.list.d")
_EXCLUDED = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/bash-completion/*",
)
_KEPT = "/usr/share/doc/*/copyright"


class MirrorUnknown(RuntimeError):
    """No Debian mirror in the settings of apt nor in MIRROR."""


def debian_root(board: Board, cache: Path) -> Path:
    """The tar, made when it is not there yet; raises CalledProcessError, MirrorUnknown."""
    made = cache / f"root-{board.name}-{board.digest}.tar"
    if made.exists():
        return made
    cache.mkdir(parents=True, exist_ok=True)
    draft = made.with_suffix(".part.tar")
    folder = 'mkdir -p "$1"/usr/share/initramfs-tools/modules.d'
    run(
        [
            "mmdebstrap",
            "--variant=minbase",
            f"--architectures={board.architecture}",
            f"--include={','.join(board.names)}",
            "--components=main,non-free-firmware",
            *(f"--dpkgopt=path-exclude={one}" for one in _EXCLUDED),
            f"--dpkgopt=path-include={_KEPT}",
            "--dpkgopt=force-unsafe-io",
            '--aptopt=APT::Install-Recommends "false"',
            f'--setup-hook={folder}; cp {modules()} "$1"/usr/share/initramfs-tools/modules.d/relais',
            f"--customize-hook=copy-in {users().parent} /usr/lib/",
            '--customize-hook=systemd-sysusers --root="$1"',
            SUITE,
            draft,
            *lines_of(*mirrors()),
        ]
    )
    draft.rename(made)
    return made


def mirrors() -> tuple[str, str]:
    """Debian, and its security updates: MIRROR and MIRROR_SECURITY, else where apt itself looks."""
    main, security = os.environ.get("MIRROR"), os.environ.get("MIRROR_SECURITY")
    for file in sorted(_SOURCES.glob("*.sources")):
        for found in re.findall(r"^URIs:\s*(\S+)", file.read_text(), re.MULTILINE):
            if found.rstrip("/").endswith("/debian"):
                main = main or found
            elif found.rstrip("/").endswith("/debian-security"):
                security = security or found
    if main is None:
        raise MirrorUnknown("MIRROR")
    return main, security or main.rstrip("/") + "-security"


def lines_of(main: str, security: str) -> tuple[str, ...]:
    """What mmdebstrap reads from: updates and security updates too."""
    parts = "main non-free-firmware"
    return (f"deb {main} {SUITE} {parts}", f"deb {main} {SUITE}-updates {parts}", f"deb {security} {SUITE}-security {parts}")
