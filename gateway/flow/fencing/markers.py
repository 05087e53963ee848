"""Epochs stated beside the backups of a home: one small file per generation, never written twice."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

from gateway.trust.epoch import Epoch, signed, stated
from gateway.trust.files import write_durably
from gateway.trust.lan import LanAuthority

_LARGEST = 4096


def highest_marker(folder: Path, home: str, authority: LanAuthority) -> Epoch | None:
    """The highest epoch of that home stated in a folder and signed by its authority; None when there is none. Raises OSError."""
    found: Epoch | None = None
    for path in folder.glob(f"relais-{home}-epoque-*.json"):
        with path.open("rb") as file:
            epoch = stated(file.read(_LARGEST), authority)
        if epoch is not None and epoch.home == home and (found is None or epoch.outranks(found)):
            found = epoch
    return found


def claim_marker(folder: Path, epoch: Epoch, authority: LanAuthority) -> bool:
    """State this epoch in the folder; False when another box has stated that generation first. Raises OSError, LanKeyUnavailable."""
    path = folder / f"relais-{epoch.home}-epoque-{epoch.generation:06d}.json"
    draft = folder / f".{path.name}.{secrets.token_hex(4)}"
    write_durably(draft, msgspec.json.encode(signed(epoch, authority)), 0o644)
    try:
        return _put(draft, path) or stated(path.read_bytes(), authority) == epoch
    finally:
        draft.unlink(missing_ok=True)


def _put(draft: Path, path: Path) -> bool:
    """Under its name unless the name is taken. A stick formatted as FAT knows no hard link: creating the name alone decides there."""
    try:
        os.link(draft, path)
        return True
    except FileExistsError:
        return False
    except OSError:
        with contextlib.suppress(FileExistsError), path.open("xb") as file:
            file.write(draft.read_bytes())
            file.flush()
            os.fsync(file.fileno())
            return True
        return False
