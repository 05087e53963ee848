"""Where a gateway keeps its things: the names of the files of its home, and nothing else."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Home(msgspec.Struct, frozen=True):
    """A gateway's folder."""

    root: Path

    @property
    def configuration(self) -> Path:
        """relais.toml."""
        return self.root / "relais.toml"

    @property
    def journal(self) -> Path:
        """The journal's database."""
        return self.root / "journal.sqlite"

    @property
    def anchors(self) -> Path:
        """PEM of the authorities trusted for national services (IGC-Santé, or the sandbox's)."""
        return self.root / "anchors.pem"

    @property
    def injection(self) -> Path:
        """Files answered in the place of INSi during the CNDA's tests (`insi.injection`)."""
        return self.root / "insi-injection"

    @property
    def ready_file(self) -> Path:
        """gateway.json, written when the gateway serves."""
        return self.root / "gateway.json"

    @property
    def workstation_token(self) -> Path:
        """Token of the workstation paired by `relais init --sandbox`."""
        return self.root / "workstation-token"

    @property
    def operator_token(self) -> Path:
        """Token of the box's own command line and page."""
        return self.root / "operator-token"

    @property
    def factory_reset(self) -> Path:
        """There once the button was held for a return to factory settings (`flow.panel.reset_requests`)."""
        return self.root / "factory-reset.json"

    @property
    def erasure(self) -> Path:
        """There from the first step of a return to factory settings to the last; such a home is never served."""
        return self.root / "erasure.json"

    @property
    def work(self) -> Path:
        """Scratch of conversions when no memory file system can be had; emptied at start."""
        return self.root / "work"
