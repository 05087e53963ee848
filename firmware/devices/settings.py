"""The settings of the device process, a TOML or JSON file; every part may be left out."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from firmware.cards.service import CardSettings
from firmware.errors import DeviceError
from firmware.panel.choice import PanelRules
from firmware.scanners.ports import ScannerRules


class SettingsInvalid(DeviceError):
    """The file cannot be read, or holds something else than these settings; `technical` names the field."""

    code = "device-settings-invalid"


class DeviceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which devices there are and who may use them."""

    cards: CardSettings = CardSettings()
    scanners: ScannerRules = ScannerRules()
    scanner_memory: Path | None = None
    """A file in a folder that exists, where what was found out about each scanner stays."""
    panel: PanelRules = PanelRules(kind="none")
    allowed_uids: tuple[int, ...] | None = None
    """Who may connect, beside root; None: this user alone."""

    @property
    def uids(self) -> frozenset[int]:
        """Who may connect."""
        return frozenset(self.allowed_uids if self.allowed_uids is not None else (os.geteuid(),)) | {0}


def read_settings(file: Path | None) -> DeviceSettings:
    """The settings of the file, TOML by its name or else JSON; the defaults without one. Raises SettingsInvalid."""
    if file is None:
        return DeviceSettings()
    decode = msgspec.toml.decode if file.suffix == ".toml" else msgspec.json.decode
    try:
        return decode(file.read_bytes(), type=DeviceSettings, dec_hook=_path)
    except OSError as error:
        raise SettingsInvalid(type(error).__name__) from error
    except msgspec.MsgspecError as error:
        raise SettingsInvalid(str(error)) from error


def _path(kind: type, value: object) -> Path:
    """The decoder knows no paths."""
    if kind is not Path or not isinstance(value, str):
        raise TypeError(kind.__name__)
    return Path(value)
