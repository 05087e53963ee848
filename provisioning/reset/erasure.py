"""Erases a home, the box key first; cut anywhere, it goes on when asked again, and the home is refused to all others meanwhile.

1. `erasure.json` is written: from then on nobody serves this home.
2. The TPM, if it sealed the box key, forgets its part; every form of the key is overwritten, then taken away: what it sealed is dead.
3. Everything else goes; what is not sealed is overwritten first. Scratch in memory too.
4. The home is read again; then the receipt is written, and only then `erasure.json` goes.

The caller owns the home (`journal.home_lock`). Sources: image.md 8 (factory reset), cards.md 5.2.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from firmware.scratch import remove_scratch, scratch_place
from firmware.tpm import Tpm
from gateway.flow.panel.reset_requests import RECEIPT
from gateway.kernel.home import Home
from gateway.trust.boxkey_custody import TpmBoxKey
from provisioning.reset.contents import everything, is_blank, is_overwritten, key_files
from provisioning.reset.disk import Disk
from provisioning.reset.erasure_record import SEALED_BY_TPM, Begun, By, begun_in, observed
from provisioning.reset.errors import ErasureCut
from provisioning.reset.receipt import receipt_text

_ROUNDS = 3
"""Looks at the home before something that comes back is said."""


class Erasure:
    """Of one home, from wherever it stands."""

    def __init__(self, home: Home, disk: Disk, now: Callable[[], datetime]) -> None:
        self._home = home
        self._disk = disk
        self._now = now

    def run(self, by: By, credentials: tuple[Path, ...] = ()) -> str:
        """Erase, or go on erasing; the receipt, already beside the fresh home. Raises ErasureCut."""
        try:
            begun = self._forgotten(self._begin(by, credentials))
            self._destroy_keys(begun)
            self._empty()
            return self._attest(begun)
        except OSError as problem:
            raise ErasureCut(type(problem).__name__, reason="le disque refuse d'effacer ou d'écrire") from problem

    def _begin(self, by: By, credentials: tuple[Path, ...]) -> Begun:
        if self._home.erasure.exists():
            return begun_in(self._home, self._now())
        begun = observed(self._home, by, self._now(), credentials)
        return self._note(begun)

    def _note(self, begun: Begun) -> Begun:
        self._disk.write(self._home.erasure, msgspec.json.format(msgspec.json.encode(begun)))
        return begun

    def _forgotten(self, begun: Begun) -> Begun:
        """The chip first, while the file still says where it keeps its part; what it refuses holds nothing up, and is said."""
        if begun.tpm is None or begun.chip_forgot is not None:
            return begun
        forgot = TpmBoxKey(self._home.root / SEALED_BY_TPM, Tpm(begun.tpm)).forget()
        return self._note(msgspec.structs.replace(begun, chip_forgot=forgot))

    def _destroy_keys(self, begun: Begun) -> None:
        """All are overwritten before the first is taken away."""
        files = [*key_files(self._home), *(Path(one) for one in begun.credentials)]
        for path in files:
            if path.is_file() and not path.is_symlink():
                self._disk.overwrite(path)
        for path in files:
            if not path.is_dir():
                self._disk.remove(path)
        for folder in {path.parent for path in files if path.parent.is_dir()}:
            self._disk.settle(folder)

    def _empty(self) -> None:
        for _ in range(_ROUNDS):
            left = list(everything(self._home))
            for path in left:
                if is_overwritten(self._home, path):
                    self._disk.overwrite(path)
                self._disk.remove(path)
            if not list(everything(self._home)):
                break
        else:
            raise ErasureCut("not empty", reason="un autre programme écrit dans le dossier du boîtier")
        self._disk.settle(self._home.root)  # folders that are gone from it take with them what was in them
        remove_scratch(scratch_place(self._home.work).folder, self._home.root)

    def _attest(self, begun: Begun) -> str:
        text = receipt_text(begun, self._now())
        self._disk.write(self._home.root / RECEIPT, text.encode())
        self._disk.remove(self._home.erasure)
        self._disk.settle(self._home.root)
        if not is_blank(self._home):
            raise ErasureCut("not blank", reason="un autre programme écrit dans le dossier du boîtier")
        return text
