"""The parts of a disk: squashfs root, boot partition, loader, then the whole by genimage. Offsets and identifiers never change."""

from __future__ import annotations

import shutil
from pathlib import Path

from image.build.board import IMAGE, Board
from image.build.commands import run

_MODULES = (
    "part_gpt",
    "fat",
    "search",
    "search_label",
    "normal",
    "linux",
    "loadenv",
    "test",
    "echo",
    "configfile",
    "regexp",
    "reboot",
    "boot",
)


def squash(tar: Path, target: Path, compression: str) -> None:
    """A read-only root; `lz4` is quick, `zstd` small. Raises CalledProcessError."""
    target.unlink(missing_ok=True)
    run(["sqfstar", "-quiet", "-no-progress", "-comp", compression, target], read=tar)


def assemble(board: Board, work: Path, boot: Path) -> Path:
    """disk.img in `work`, where root.squashfs is; raises CalledProcessError."""
    files = IMAGE / "boards" / board.folder
    root, out, scratch = work / "parts", work / "disk", work / "genimage"
    for folder in (root, out, scratch):
        shutil.rmtree(folder, ignore_errors=True)
    (root / "esp/EFI/BOOT").mkdir(parents=True)
    (root / "esp/grub").mkdir()
    (root / "state").mkdir()
    shutil.copytree(boot, root / "boot")
    shutil.copyfile(files / "grub.cfg", root / "esp/grub/grub.cfg")
    loader = root / "esp/EFI/BOOT/BOOTX64.EFI"
    run(["grub-mkimage", "-O", "x86_64-efi", "-o", loader, "-p", "/grub", "-c", files / "early.cfg", *_MODULES])
    variables = root / "esp/grub/grubenv"
    run(["grub-editenv", variables, "create"])
    run(["grub-editenv", variables, "set", "ORDER=A B", "A_OK=1", "B_OK=0", "A_TRY=0", "B_TRY=0"])
    scratch.mkdir()
    run(
        [
            *("genimage", "--config", files / "disk.cfg", "--rootpath", root, "--inputpath", work),
            *("--outputpath", out, "--tmppath", scratch),
        ],
        folder=work,
    )
    made = work / "disk.img"
    (out / "disk.img").replace(made)
    (out / "boot.vfat").replace(work / "boot.vfat")
    return made
