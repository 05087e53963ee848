"""The official rules as a judge: XSD, structuration minimale, IHE, modèles de contenus, modèles ANS.

Run by ../shared/tools/validate_cda.py; loaded once per process: 3 seconds and 300 MB.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.shared import missing, need

PROFILES = ("structmin", "ihe", "modeles", "ans")


@functools.cache
def _load(tool: Path, data: Path) -> Any:
    if importlib.util.find_spec("saxonche") is None:
        missing("the saxonche package is not installed")
    spec = importlib.util.spec_from_file_location("validate_cda", tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["validate_cda"] = module
    spec.loader.exec_module(module)
    return module.Rig(data)


class Judge:
    """Says which official rules a CDA breaks."""

    def __init__(self) -> None:
        self._rig = _load(need("tools", "validate_cda.py"), need("data", "cda"))

    def faults(self, cda: bytes, profiles: tuple[str, ...] = PROFILES) -> list[str]:
        """The messages of XSD and schematrons, empty when the document is right."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "document.xml"
            path.write_bytes(cda)
            found = [f"xsd line {fault['line']}: {fault['text']}" for fault in self._rig.check_xsd(self._rig.load(path))]
            for profile in profiles:
                messages = self._rig.check_sch(profile, path)
                found += [f"{profile} {one['where']}: {one['text']}" for one in messages if one["level"] in ("error", "fatal")]
        return found
