"""Files beside the sheet, on a partition that any computer reads: the refusal, the result, the sheet without its secrets, the used keys."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from gateway.trust.files import sync_folder, write_durably
from provisioning.first_boot.errors import SheetNotRead, SheetRefused
from provisioning.first_boot.faults import Fault
from provisioning.first_boot.sheet import Whole, read_sheet
from provisioning.first_boot.sheet_text import blanked_text, refusal_text
from provisioning.reset.disk import RealDisk

_LARGEST = 1_000_000


class Papers:
    """Of one sheet."""

    def __init__(self, sheet: Path) -> None:
        self.sheet = sheet
        self.refusal = sheet.with_name(f"{sheet.name}.refus.txt")
        self.result = sheet.with_name(f"{sheet.name}.resultat.txt")

    def text(self) -> str:
        """The sheet; raises SheetNotRead."""
        try:
            with self.sheet.open("rb") as file:
                return file.read(_LARGEST).decode("utf-8-sig").replace("\r\n", "\n")
        except (OSError, UnicodeDecodeError) as problem:
            raise SheetNotRead(type(problem).__name__) from problem

    def read(self, text: str) -> Whole:
        """What it says; raises SheetRefused once the refusal is written."""
        sheet = read_sheet(text)
        if isinstance(sheet, list):
            self.refuse(sheet)
        else:
            return sheet
        raise AssertionError

    def refuse(self, faults: Sequence[Fault]) -> None:
        """Write what is to be mended, and raise SheetRefused. Raises OSError."""
        write_durably(self.refusal, refusal_text(faults).encode())
        count = "1 défaut" if len(faults) == 1 else f"{len(faults)} défauts"
        raise SheetRefused(count=count, paper=self.refusal.name)

    def tell(self, result: str) -> None:
        """Write what was installed; a former refusal goes. Raises OSError."""
        write_durably(self.result, result.encode())
        self.refusal.unlink(missing_ok=True)
        sync_folder(self.sheet.parent)

    def blank(self, used: Iterable[Path]) -> None:
        """Take the used key files away, then the secrets out of the sheet; what held them is overwritten. Raises OSError."""
        disk = RealDisk()
        for path in used:
            disk.overwrite(path)
            disk.remove(path)
        disk.settle(self.sheet.parent)
        text = self.text()
        blanked = blanked_text(text)
        if blanked == text:
            return
        with self.sheet.open("r+b", buffering=0) as former:
            write_durably(self.sheet, blanked.encode())
            former.write(b" " * os.fstat(former.fileno()).st_size)
            os.fsync(former.fileno())
