"""What of a home goes into its backup: everything, but what belongs to this very box, to this very run, or can be made again.

Left out: the box key and its copies (the key travels apart, in the sealed stream), the journal (its snapshot goes), locks, sockets,
drafts, scratch, what the running gateway writes about itself, and marks of a replacement or of a reset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_LEFT_OUT = frozenset(
    {
        "lock",
        "backup.lock",
        "gateway.json",
        "epoch.json",
        "replaced.json",
        "restored.json",
        "backup-state.json",
        "factory-reset.json",
        "erasure.json",
        "effacement.txt",
        "first-boot.json",
        "devices.json",
        "insi-injection",
        "work",
        "backup-work",
        "restoring",
        "blobs",
        "crl",
    }
)
_OF_THE_BOX = re.compile(r"(box\.key|journal\.sqlite)(\..*|-.*)?")
_NAME = re.compile(r"[^./\x00-\x1f][^/\x00-\x1f]{0,200}")
_DEEPEST = 12


def kept_files(root: Path) -> Iterator[Path]:
    """Every file of a home that its backup holds, sorted; sockets and links never are."""
    for path in sorted(root.rglob("*")):
        place = path.relative_to(root)
        if is_kept(place) and path.is_file() and not path.is_symlink():
            yield path


def is_kept(place: Path) -> bool:
    """True for a path of a home (relative) that a backup may hold: what is read from one is checked by the same rule."""
    parts = place.parts
    named = bool(parts) and len(parts) <= _DEEPEST and all(_NAME.fullmatch(one) for one in parts)
    return named and parts[0] not in _LEFT_OUT and _OF_THE_BOX.fullmatch(parts[0]) is None


def blob_place(blob_id: str) -> Path:
    """Where the payload of that identifier lies below `blobs` (`journal.blobs`)."""
    return Path(blob_id[4:6]) / blob_id
