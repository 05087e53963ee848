"""One process owns a home at a time: two would send everything twice. A home whose erasure has begun belongs to whoever erases it.

The kernel frees the lock when the process dies, however it dies. The lock file is empty and never removed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.kernel.errors import ConfigurationFault
from gateway.kernel.home import Home


class HomeBusy(ConfigurationFault):
    """Another process owns this home: two would send everything twice."""

    code = "home-busy"
    what = "Ce boîtier est déjà en marche."
    gesture = "Utilisez le boîtier qui tourne, ou arrêtez-le d'abord."


class HomeBeingErased(ConfigurationFault):
    """A return to factory settings was cut short: what is left of this home is never served."""

    code = "home-being-erased"
    title = "Effacement à terminer"
    what = "L'effacement de ce boîtier a commencé et n'est pas terminé."
    gesture = "Terminez-le par « relais-provision reset --home DIR » ; il reprend où il s'était arrêté."


@contextmanager
def alone_in(home: Home, *, erasing: bool = False) -> Iterator[None]:
    """Own the home until the block ends; raises HomeBusy, and HomeBeingErased unless the caller is the one who erases."""
    with os.fdopen(os.open(home.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            raise HomeBusy from problem
        if home.erasure.exists() and not erasing:
            raise HomeBeingErased
        yield
