"""Which box a home belongs to: an epoch, one more at each restoration, and its statement signed by the key of the LAN authority.

Two boxes that share a home (one was restored from a backup of the other) share that key too: each recognises the statement of the other and
nobody else can make one. Epochs only grow, so an old statement seen again says nothing false. Never holds a secret.
Source: dossiers anchors.md 10.4 (F12), image.md 8; docs/adr.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

from gateway.kernel.errors import ConfigurationFault
from gateway.trust.files import sync_folder, write_durably
from gateway.trust.lan import LanAuthority

_PURPOSE = b"relais epoch\0"


class EpochUnreadable(ConfigurationFault):
    """epoch.json does not say which box this is: it must not send in the place of another."""

    code = "epoch-unreadable"
    what = "Le fichier qui dit quel boîtier est en service (epoch.json) est abîmé : rien ne peut être envoyé sans risque de doublon."
    gesture = "Restaurez la dernière sauvegarde sur ce boîtier, ou appelez votre installateur."


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """A home (random name, kept over restorations), how many times it was taken over, and the box that has it (random name)."""

    home: str
    generation: int
    box: str

    def outranks(self, other: Epoch) -> bool:
        """True when this one has taken the home over; of two boxes restored at once, exactly one."""
        return self.home == other.home and (self.generation, self.box) > (other.generation, other.box)


class SignedEpoch(msgspec.Struct, frozen=True, kw_only=True):
    """What a box states of itself: at its destination of backups, and to whoever asks on the LAN. Signature in hexadecimal (ECDSA, DER)."""

    home: str
    generation: int
    box: str
    signature: str


def own_epoch(home: Path) -> Epoch:
    """The epoch of a home, the first one made when there is none; raises EpochUnreadable."""
    path = home / "epoch.json"
    try:
        if not path.exists():
            _create(path, Epoch(home=secrets.token_hex(8), generation=1, box=secrets.token_hex(8)))
        return msgspec.json.decode(path.read_bytes(), type=Epoch)
    except (OSError, msgspec.MsgspecError) as problem:
        raise EpochUnreadable(type(problem).__name__) from None


def keep_epoch(home: Path, epoch: Epoch) -> None:
    """Write the epoch that a restoration takes; raises OSError."""
    write_durably(home / "epoch.json", msgspec.json.encode(epoch))


def following(epoch: Epoch, seen: Epoch | None = None) -> Epoch:
    """The epoch of the box that takes this home over, above the one `seen` elsewhere too."""
    generation = max(epoch.generation, seen.generation if seen is not None else 0) + 1
    return Epoch(home=epoch.home, generation=generation, box=secrets.token_hex(8))


def signed(epoch: Epoch, authority: LanAuthority) -> SignedEpoch:
    """The statement of this epoch; raises LanKeyUnavailable."""
    signature = authority.vouch(_PURPOSE + msgspec.json.encode(epoch)).hex()
    return SignedEpoch(home=epoch.home, generation=epoch.generation, box=epoch.box, signature=signature)


def stated(data: bytes, authority: LanAuthority) -> Epoch | None:
    """The epoch of a statement, None when its bytes are none or this authority did not sign it."""
    try:
        statement = msgspec.json.decode(data, type=SignedEpoch)
        signature = bytes.fromhex(statement.signature)
    except (msgspec.MsgspecError, ValueError):
        return None
    epoch = Epoch(home=statement.home, generation=statement.generation, box=statement.box)
    return epoch if authority.vouched(_PURPOSE + msgspec.json.encode(epoch), signature) else None


def _create(path: Path, epoch: Epoch) -> None:
    """A hard link fails when the name exists: two first looks at once agree on one epoch."""
    draft = path.with_name(f".epoch.{secrets.token_hex(8)}")
    write_durably(draft, msgspec.json.encode(epoch))
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    sync_folder(path.parent)
