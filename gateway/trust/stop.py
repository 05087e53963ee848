"""The mark of a box that has been replaced or retired, `replaced.json` of its home: once there, it stays over restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from gateway.kernel.errors import ConfigurationFault
from gateway.trust.epoch import Epoch
from gateway.trust.files import write_durably

Why = Literal["replaced", "retired"]


class BoxReplaced(ConfigurationFault):
    """A box restored from a backup of this one has taken its place: what this one would send, the other sends."""

    code = "box-replaced"
    title = "Boîtier remplacé"
    what = "Un autre boîtier a pris la place de celui-ci : celui-ci n'accepte et n'envoie plus rien."
    gesture = "Reliez les postes au nouveau boîtier, puis débranchez celui-ci. En cas d'erreur, appelez votre installateur."


class BoxRetired(ConfigurationFault):
    """The box was put out of service by command, before its replacement."""

    code = "box-retired"
    title = "Boîtier hors service"
    what = "Ce boîtier a été mis hors service : il n'accepte et n'envoie plus rien."
    gesture = "Reliez les postes au nouveau boîtier, puis débranchez celui-ci."


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """Why this box stopped, since when (milliseconds), and the epoch that took its place, if one was seen."""

    why: Why
    at: int
    epoch: Epoch | None = None

    @property
    def fault(self) -> ConfigurationFault:
        """What people are told."""
        return BoxRetired() if self.why == "retired" else BoxReplaced()


def read_stop(home: Path) -> Stop | None:
    """The mark, None when there is none. One that cannot be read counts: a box in doubt does not send."""
    try:
        return msgspec.json.decode((home / "replaced.json").read_bytes(), type=Stop)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError):
        return Stop(why="replaced", at=0)


def write_stop(home: Path, stop: Stop) -> None:
    """Leave the mark, durably; raises OSError."""
    write_durably(home / "replaced.json", msgspec.json.encode(stop))
