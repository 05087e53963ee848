"""A backup becomes the home of another box, under a new key and the next epoch, in doubt of all that may have left since.

Everything is laid out in `restoring/` of the home and comes into its place only when it is whole, `relais.toml` last: until then no gateway
starts there. Killed anywhere, the same command begins again from nothing; the epoch that was stated stays taken, which harms nobody.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import msgspec

from gateway.flow.fencing.markers import claim_marker, highest_marker
from gateway.health.backup_record import RestorationRecord, keep_restoration
from gateway.journal.home_lock import alone_in
from gateway.journal.schema import migrations
from gateway.journal.sqlite import SqliteStore
from gateway.kernel.config import Configuration, read_configuration
from gateway.kernel.home import Home
from gateway.trust.epoch import Epoch, following, keep_epoch
from gateway.trust.files import private_folder, sync_folder
from gateway.trust.keystore import KeyStore
from gateway.trust.lan import LanAuthority
from gateway.trust.vault import Vault, open_vault
from provisioning.backup.archive import End, extract_archive
from provisioning.backup.container import Header, OpenedReader, plain_pieces, read_header
from provisioning.backup.doubt import doubt_everything_open, tell_the_trail
from provisioning.backup.errors import (
    BackupDamaged,
    BackupNotFound,
    BackupTooNew,
    HomeNotEmpty,
    OldBoxNotRetired,
    ReceiptWrong,
    RestorationFailed,
    WrongEnvironment,
)
from provisioning.backup.folder import newest
from provisioning.backup.phrase import RecoveryPhrase
from provisioning.backup.receipt import is_receipt_of, says_out_of_service
from provisioning.backup.recipient import found_key
from provisioning.backup.reseal import former_vault, reseal_files, rewrap_journal, skip_events

_STAGE = "restoring"
_HARMLESS = ("box.key", ".box.key", "lock", _STAGE, "backup.lock", "effacement.txt")
"""What a home that serves nobody yet may hold: its own key, locks, and the receipt of an erasure."""


class OldBox(msgspec.Struct, frozen=True, kw_only=True):
    """What says that the former box is out of service: its receipt, or a person's sentence."""

    receipt: str | None = None
    sentence: str | None = None


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """A box ready to serve. `stated`: its epoch was written beside the backup; `doubtful`: deliveries to be looked up before anything."""

    header: Header
    end: End
    epoch: Epoch
    environment: str
    doubtful: int
    stated: bool
    unreadable: int


async def restore(home: Home, place: Path, phrase: RecoveryPhrase, old: OldBox, *, environment: str | None = None) -> Restored:
    """Raises one of `errors`, or what keeps the new box key from being made or the configuration from being read."""
    if old.receipt is None and not says_out_of_service(old.sentence):
        raise OldBoxNotRetired
    source = newest(place)
    with _reading(source) as file:
        header, opening = read_header(file)
        _check_version(header)
        key = found_key(phrase, header.recipient, header.ephemeral)
        private_folder(home.root)
        stage = Home(home.root / _STAGE)
        with alone_in(home), _writing():
            _make_room(home, stage)
            box_key, end = extract_archive(OpenedReader(plain_pieces(file, opening, key)), stage.root)
            former = former_vault(stage.root, box_key)
            _check_receipt(header, former, old.receipt)
            configuration = _configuration(stage, environment)
            vault = open_vault(home.root, create=True, settings=configuration.box_key)
            unreadable = await _taken_over(stage, configuration, former, vault)
            epoch, stated = _taken_epoch(stage, source.parent, header, vault, configuration)
            doubtful = await _doubted(stage, configuration, header, epoch, end)
            _publish(home, stage)
    return Restored(
        header=header,
        end=end,
        epoch=epoch,
        environment=configuration.environment,
        doubtful=doubtful,
        stated=stated,
        unreadable=unreadable,
    )


def _check_version(header: Header) -> None:
    if header.schema > migrations()[-1].number:
        raise BackupTooNew(f"schema {header.schema}", version=header.relais)


def _make_room(home: Home, stage: Home) -> None:
    """The home must be nobody's, or hold what an interrupted restoration left (its configuration is in the stage). Raises HomeNotEmpty."""
    unfinished = stage.configuration.exists() and not home.configuration.exists()
    for path in home.root.iterdir():
        harmless = path.name.startswith(_HARMLESS)
        if not harmless and not unfinished:
            raise HomeNotEmpty
    # What is removed first is what had come out of the stage: while the stage is there, the rest is known to be unfinished.
    for path in home.root.iterdir():
        if not path.name.startswith(_HARMLESS):
            _remove(path)
    _remove(stage.root)
    private_folder(stage.root)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _check_receipt(header: Header, former: Vault, receipt: str | None) -> None:
    own = Epoch(home=header.home, generation=header.generation, box=header.box)
    if receipt is not None and not is_receipt_of(receipt, own, former):
        raise ReceiptWrong


def _configuration(stage: Home, environment: str | None) -> Configuration:
    configuration = read_configuration(stage.configuration)
    if environment is not None and environment != configuration.environment:
        raise WrongEnvironment(found=_NAMES[configuration.environment], wanted=_NAMES.get(environment, environment))
    return configuration


_NAMES = {"test": "test", "production": "production"}


async def _taken_over(stage: Home, configuration: Configuration, former: Vault, vault: Vault) -> int:
    """The schema of today, then everything under the new key; how many rows were unreadable. Raises JournalTooNew, EnvironmentMismatch."""
    store = await SqliteStore.open(stage.journal)
    await store.close()
    unreadable = rewrap_journal(stage.journal, former, vault)
    skip_events(stage.journal)
    reseal_files(stage.root, former, vault)
    KeyStore(stage.root, vault, environment=configuration.environment).check_environment()
    return unreadable


def _taken_epoch(stage: Home, folder: Path, header: Header, vault: Vault, configuration: Configuration) -> tuple[Epoch, bool]:
    """The next epoch, stated beside the backup where that can be written: of two boxes restored from it, each has its own."""
    authority = LanAuthority(stage.root, vault)
    authority.identity(configuration.listener.names, datetime.now(UTC), dated=False)
    epoch = Epoch(home=header.home, generation=header.generation, box=header.box)
    stated = False
    try:
        while not stated:
            epoch = following(epoch, highest_marker(folder, epoch.home, authority))
            stated = claim_marker(folder, epoch, authority)
    except OSError:
        epoch = following(epoch)
    keep_epoch(stage.root, epoch)
    return epoch, stated


async def _doubted(stage: Home, configuration: Configuration, header: Header, epoch: Epoch, end: End) -> int:
    """Mark what is in doubt (nothing when the former box was retired before the backup), and write it in the audit trail."""
    now = datetime.now(UTC)
    milliseconds = int(now.timestamp() * 1000)
    store = await SqliteStore.open(stage.journal)
    try:
        doubtful = 0 if end.final else await doubt_everything_open(store, milliseconds, configuration.retry.mail_unknown_wait)
        taken_at = header.taken_at.isoformat()
        await tell_the_trail(
            store, "box.restored", milliseconds, generation=epoch.generation, taken_at=taken_at, doubtful=doubtful, relais=version("relais")
        )
    finally:
        await store.close()
    keep_restoration(stage.root, RestorationRecord(taken_at=header.taken_at, restored_at=now, doubtful=doubtful, final=end.final))
    return doubtful


def _publish(home: Home, stage: Home) -> None:
    """Everything in its place, the configuration last: it is what makes the folder the home of a gateway."""
    for folder in (path for path in (stage.root, *stage.root.rglob("*")) if path.is_dir()):
        sync_folder(folder)
    for path in sorted(stage.root.iterdir()):
        if path != stage.configuration:
            path.rename(home.root / path.name)
    sync_folder(home.root)
    stage.configuration.rename(home.configuration)
    sync_folder(home.root)
    stage.root.rmdir()
    sync_folder(home.root)


@contextmanager
def _reading(source: Path) -> Iterator[BinaryIO]:
    try:
        file = source.open("rb")
    except OSError as problem:
        raise BackupNotFound(f"errno {problem.errno}") from problem
    with file:
        yield file


@contextmanager
def _writing() -> Iterator[None]:
    """The disk of the new box, and the copied journal."""
    try:
        yield
    except OSError as problem:
        raise RestorationFailed(f"errno {problem.errno}") from problem
    except sqlite3.Error as problem:
        raise BackupDamaged(type(problem).__name__) from problem
