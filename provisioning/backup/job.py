"""One backup, from the copy of the journal to the file under its name; then the old ones go. Stopped anywhere, no half-made one has a name.

Works beside a running gateway. The box cannot open its own backups: the key of this one is held in memory until what was written has been
read back from the disk and found the same, then forgotten.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import msgspec

from gateway.flow.fencing.markers import claim_marker
from gateway.health.backup_record import BackupRecord, keep_backup_record, read_backup_record
from gateway.kernel.config import Configuration
from gateway.kernel.errors import RelaisError
from gateway.kernel.home import Home
from gateway.trust.boxkey_custody import Custody
from gateway.trust.epoch import Epoch, own_epoch
from gateway.trust.lan import LanAuthority
from gateway.trust.vault import open_vault
from provisioning.backup.archive import End, write_archive
from provisioning.backup.container import Header, SealedWriter, plain_pieces, read_header
from provisioning.backup.contents import kept_files
from provisioning.backup.errors import BackupBusy, BackupDamaged, BackupNotVerified, DestinationFailed, DestinationNotSet
from provisioning.backup.folder import BackupFolder, synced
from provisioning.backup.recipient import fresh_key, read_recipient
from provisioning.backup.snapshot import schema_of, snapshot

_MARGIN = 2_000_000


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A whole backup."""

    path: Path
    size: int
    end: End
    header: Header
    removed: int


def folder_of(configuration: Configuration, given: Path | None) -> BackupFolder:
    """Where backups go; raises DestinationNotSet."""
    place = given or (Path(configuration.backup.folder) if configuration.backup.folder is not None else None)
    if place is None:
        raise DestinationNotSet
    return BackupFolder(place)


def is_due(home: Home, configuration: Configuration, now: datetime) -> bool:
    """True when the period is over, or the clock went back over it."""
    taken = read_backup_record(home.root).taken_at
    return taken is None or not timedelta(0) <= now - taken < timedelta(hours=configuration.backup.every_hours)


def back_up(home: Home, configuration: Configuration, folder: BackupFolder, *, final: bool = False) -> Made:
    """Make a backup and remember how it went; raises one of `errors`, or what keeps the box key from being read."""
    with _alone(home):
        try:
            made = _made(home, configuration, folder, final=final)
        except RelaisError as problem:
            _remember(home, msgspec.structs.replace(read_backup_record(home.root), failed_at=_now(), failure=problem.explanation))
            raise
        _remember(home, BackupRecord(taken_at=made.header.taken_at, size=made.size, name=made.path.name))
    return made


def _made(home: Home, configuration: Configuration, folder: BackupFolder, *, final: bool) -> Made:
    recipient = read_recipient(home.root)
    box_key = Custody(home.root, configuration.box_key).source().load()
    epoch = own_epoch(home.root)
    folder.check()
    folder.clear_drafts(epoch.home)
    with snapshot(home, configuration.limits.disk_reserve_bytes) as (journal, taken_at):
        folder.check_room(_size_of(home, journal))
        key, ephemeral = fresh_key(recipient)
        header = Header(
            home=epoch.home,
            generation=epoch.generation,
            box=epoch.box,
            taken_at=taken_at,
            relais=version("relais"),
            schema=schema_of(journal),
            recipient=recipient,
            ephemeral=ephemeral,
        )
        with folder.draft(header) as file:
            writer = SealedWriter(file, header, key)
            end = write_archive(writer, home.root, journal, box_key, final=final)
            digest = writer.finish()
            synced(file)
            size = file.tell()
            file.seek(0)
            if _digest_of(lambda: plain_pieces(file, read_header(file)[1], key)) != digest:
                raise BackupNotVerified
            path = folder.publish(file, header)
    _state(home, configuration, folder, epoch)
    return Made(path=path, size=size, end=end, header=header, removed=folder.rotate(epoch.home, configuration.backup.keep))


def _digest_of(pieces: Callable[[], Iterator[bytes]]) -> bytes | None:
    digest = hashlib.sha256()
    try:
        for piece in pieces():
            digest.update(piece)
    except BackupDamaged:
        return None
    return digest.digest()


def _state(home: Home, configuration: Configuration, folder: BackupFolder, epoch: Epoch) -> None:
    """Say beside the backup which box this is; a box whose LAN authority was never made (it never served) has nothing to say."""
    authority = LanAuthority(home.root, open_vault(home.root, settings=configuration.box_key))
    if authority.certificate_path.exists():
        try:
            claim_marker(folder.path, epoch, authority)
        except OSError as problem:
            raise DestinationFailed(f"errno {problem.errno}") from problem


def _size_of(home: Home, journal: Path) -> int:
    """About what the backup will take; payloads removed meanwhile only make it smaller."""
    blobs = sum(path.stat().st_size for path in (home.root / "blobs").glob("*/*"))
    return journal.stat().st_size + blobs + sum(path.stat().st_size for path in kept_files(home.root)) + _MARGIN


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """One backup of a box at a time; the kernel frees the lock however the process ends."""
    if not home.root.is_dir():
        raise BackupBusy("no home")
    with os.fdopen(os.open(home.root / "backup.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            raise BackupBusy from problem
        yield


def _remember(home: Home, record: BackupRecord) -> None:
    """What cannot be written is not worth failing for: the check will say that no backup was made."""
    try:
        keep_backup_record(home.root, record)
    except OSError:
        return


def _now() -> datetime:
    return datetime.now(UTC)
