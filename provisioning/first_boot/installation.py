"""An installation, step after step: each looks first whether it is done, so that one that was cut goes on when asked again.

`first-boot.json` is in the home from the first step to the last. The sheet is blanked once everything holds. Nothing here logs.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gateway.app import opened, system_clock
from gateway.commands.init import pair
from gateway.flow.caller import OPERATOR, Caller
from gateway.flow.certificates.custody import ImportOrder
from gateway.journal.home_lock import alone_in
from gateway.kernel.config import Configuration, Listener
from gateway.kernel.errors import RelaisError
from gateway.kernel.home import Home
from gateway.trust.boxkey_custody import Custody
from gateway.trust.files import private_folder, sync_folder, write_durably
from gateway.trust.keystore import KeyStore
from gateway.trust.lan import LanAuthority
from gateway.trust.secret_file import HOMOLOGATION, keep_secret
from gateway.trust.vault import Vault, open_vault
from provisioning.first_boot.faults import Fault, placed
from provisioning.first_boot.papers import Papers
from provisioning.first_boot.sheet import TABLE, CertificateFile, Whole
from provisioning.first_boot.sheet_text import settings_text

_LARGEST = 1_000_000
_NOWHERE = ("192.0.2.1", 9)
"""An address of documentation: asked which way it would go, the kernel says our own; nothing is sent."""

Ask = Callable[[str], str]
"""Whoever can be asked for the passphrase of a file; raises PassphraseNotGiven."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """How a certificate came in."""

    structure: str
    role: str
    said: str


class Installation:
    """Of one sheet into one home."""

    def __init__(self, home: Home, papers: Papers, ask: Ask | None) -> None:
        """`ask`: None when nobody is there."""
        self._home = home
        self._papers = papers
        self._ask = ask
        self._mark = home.root / "first-boot.json"

    @property
    def is_over(self) -> bool:
        """True for a home that is installed."""
        return self._home.configuration.exists() and not self._mark.exists() and not self._home.erasure.exists()

    @property
    def began(self) -> datetime:
        """When the first step was written, however often it was cut since. Raises OSError."""
        return datetime.fromtimestamp(self._mark.stat().st_mtime, UTC)

    async def run(self) -> tuple[Whole, list[Taken]]:
        """Everything up to the certificates; raises SheetRefused, SheetNotRead, HomeBusy, OSError, and what the key store and TPM raise."""
        text = self._papers.text()
        sheet = self._papers.read(text)
        private_folder(self._home.root)
        with alone_in(self._home):
            self._check_files(sheet, text)
            if not self._mark.exists():
                write_durably(self._mark, b"{}\n")
            if self._custody(sheet).kind == "passphrase":
                return sheet, []  # the last step but one is done, and what follows asks for the passphrase
            vault = open_vault(self._home.root, create=True, settings=sheet.box_key)
            self._settings(sheet, text, vault)
            if sheet.first_boot.box_key == "tpm":
                self._box_key(sheet)
            if sheet.first_boot.homologation:
                keep_secret(self._home.root, vault, HOMOLOGATION, sheet.first_boot.homologation)
            if not self._home.operator_token.exists():
                await pair(self._home, (), code=sheet.first_boot.operator_code or None)
            self._lan(sheet, vault)
        return sheet, await self._certificates(sheet, text)

    def end(self, sheet: Whole, result: str) -> None:
        """Leave the paper, blank the sheet, and be over. Raises OSError."""
        self._papers.tell(result)
        self._box_key(sheet)
        self._papers.blank(self._papers.sheet.parent / one.file for one in sheet.first_boot.certificates)
        self._mark.unlink(missing_ok=True)
        sync_folder(self._home.root)

    # Steps

    def _check_files(self, sheet: Whole, text: str) -> None:
        """Before anything is made: the files that are named are there, and their passphrases where nobody can be asked."""
        faults = list(placed(self._file_faults(sheet), text))
        if faults:
            self._papers.refuse(faults)

    def _file_faults(self, sheet: Whole) -> Iterator[Fault]:
        if not self._beside(sheet.first_boot.anchors).is_file() and not self._home.anchors.exists():
            yield Fault(place=(TABLE, "anchors"), what="ce fichier n'est pas à côté de relais.toml")
        if self._custody(sheet).kind == "passphrase":
            return
        held = self._held(sheet)
        for rank, one in enumerate(sheet.first_boot.certificates):
            place = (TABLE, "certificates", rank)
            if (_structure(sheet, one), one.role) in held:
                continue
            if not self._beside(one.file).is_file():
                yield Fault(place=(*place, "file"), what="ce fichier n'est pas à côté de relais.toml")
            if not one.passphrase and self._ask is None:
                yield Fault(place=place, what="il manque « passphrase » : personne n'est là pour la saisir")
        if sheet.first_boot.box_key != "file" and not sheet.first_boot.passphrase and self._custody(sheet).kind == "file":
            yield Fault(place=(TABLE,), what="il manque « passphrase », que la clé du boîtier demande")

    def _settings(self, sheet: Whole, text: str, vault: Vault) -> None:
        beside = self._beside(sheet.first_boot.anchors)
        if beside.is_file():
            write_durably(self._home.anchors, beside.read_bytes())
        write_durably(self._home.configuration, settings_text(text, names_of(sheet, vault)).encode())

    def _box_key(self, sheet: Whole) -> None:
        """A TPM first of all, so that no certificate is ever sealed under a key in clear; a passphrase last, since it is then asked for."""
        first = sheet.first_boot
        custody = self._custody(sheet)
        if first.box_key == custody.kind or first.box_key == "file":
            return
        if first.box_key == "tpm":
            custody.to_tpm(first.passphrase)
        else:
            custody.to_passphrase(first.passphrase)

    def _lan(self, sheet: Whole, vault: Vault) -> None:
        clock = system_clock(sheet)
        LanAuthority(self._home.root, vault).identity(names_of(sheet, vault), clock.now(), dated=clock.trusted())

    async def _certificates(self, sheet: Whole, text: str) -> list[Taken]:
        held, taken = self._held(sheet), []
        async with opened(self._home) as gateway:
            caller = Caller(workstation="operator", name=OPERATOR, structures=())
            for rank, one in enumerate(sheet.first_boot.certificates):
                structure = _structure(sheet, one)
                if (structure, one.role) in held:
                    continue
                with self._beside(one.file).open("rb") as file:
                    data = file.read(_LARGEST)
                passphrase = one.passphrase or (self._ask(one.file) if self._ask is not None else "")
                order = ImportOrder(structure=structure, role=one.role, slot="current", passphrase=passphrase)
                try:
                    view = await gateway.relay.certificates.take(caller, order, data)
                except RelaisError as problem:
                    said = f"{problem.explanation.what} {problem.explanation.gesture}".rstrip(".")
                    self._papers.refuse(placed(iter([Fault(place=(TABLE, "certificates", rank), what=said)]), text))
                    raise
                taken.append(Taken(structure=structure, role=one.role, said=view.what))
        return taken

    def _held(self, sheet: Whole) -> set[tuple[str, str]]:
        if not self._home.configuration.exists() or self._custody(sheet).kind == "passphrase":
            return set()
        keys = KeyStore(self._home.root, open_vault(self._home.root, settings=sheet.box_key))
        return {(one.structure_id, one.role) for one in keys.summaries()}

    def _custody(self, sheet: Whole) -> Custody:
        return Custody(self._home.root, sheet.box_key)

    def _beside(self, name: str) -> Path:
        return self._papers.sheet.parent / name


def names_of(sheet: Whole, vault: Vault) -> tuple[str, ...]:
    """Names and addresses of the LAN certificate: those of the sheet, or the usual ones, the box's own and its address."""
    if sheet.listener.names != Listener().names:
        return sheet.listener.names
    address = sheet.first_boot.network.address.partition("/")[0] if sheet.first_boot.network is not None else _own_address()
    own = f"relais-{vault.pseudonym('box', 'name')[:4]}.local"
    return (own, *Listener().names, *((address,) if address else ()))


def _own_address() -> str | None:
    """The one this machine has on its network; None without a network."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.connect(_NOWHERE)
            address: str = line.getsockname()[0]
    except OSError:
        return None
    return address


def _structure(sheet: Configuration, one: CertificateFile) -> str:
    return one.structure or sheet.structures[0].id


__all__ = ["Installation", "Taken", "names_of"]
