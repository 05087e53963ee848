"""The file of a backup: a byte changed, an end cut off, a frame moved, another phrase: always seen, and told apart."""

from __future__ import annotations

import io
import random
import struct

import msgspec
import pytest

from provisioning.backup.container import Header, SealedWriter, plain_pieces, read_header
from provisioning.backup.errors import BackupDamaged, BackupTooNew, PhraseWrong
from provisioning.backup.phrase import RecoveryPhrase, new_phrase
from provisioning.backup.recipient import Recipient, found_key, fresh_key, recipient_of
from tests.provisioning.backup.homes import NOW

CONTENT = bytes(range(256)) * 3000


def sealed(phrase: RecoveryPhrase, content: bytes = CONTENT) -> bytes:
    key, ephemeral = fresh_key(recipient := recipient_of(phrase))
    header = Header(
        home="ab", generation=1, box="cd", taken_at=NOW, relais="0.1.0", schema=6, recipient=recipient, ephemeral=ephemeral
    )  # fmt: skip
    sink = io.BytesIO()
    writer = SealedWriter(sink, header, key)
    for start in range(0, len(content), 70_001):
        writer.write(content[start : start + 70_001])
    writer.finish()
    return sink.getvalue()


def opened(data: bytes, phrase: RecoveryPhrase) -> bytes:
    file = io.BytesIO(data)
    header, opening = read_header(file)
    return b"".join(plain_pieces(file, opening, found_key(phrase, header.recipient, header.ephemeral)))


def opened_by_key(data: bytes, key: bytes) -> bytes:
    file = io.BytesIO(data)
    return b"".join(plain_pieces(file, read_header(file)[1], key))


@pytest.fixture(scope="module")
def key(phrase: RecoveryPhrase, backup: bytes) -> bytes:
    """Found once: stretching the phrase is slow on purpose."""
    header, _ = read_header(io.BytesIO(backup))
    return found_key(phrase, header.recipient, header.ephemeral)


@pytest.fixture(scope="module")
def phrase() -> RecoveryPhrase:
    return new_phrase()


@pytest.fixture(scope="module")
def backup(phrase: RecoveryPhrase) -> bytes:
    return sealed(phrase)


def test_the_phrase_opens_it_and_nothing_else_does(phrase: RecoveryPhrase, backup: bytes) -> None:
    assert opened(backup, phrase) == CONTENT
    with pytest.raises(PhraseWrong) as caught:
        opened(backup, new_phrase())
    assert recipient_of(phrase).sheet not in caught.value.explanation.gesture, "salts differ: each sheet has its own number"
    assert opened(sealed(phrase, b""), phrase) == b""


def test_nothing_of_the_content_shows(backup: bytes) -> None:
    assert CONTENT[:32] not in backup
    assert len(set(backup[1000:])) == 256


def test_a_changed_byte_is_seen_wherever_it_is(key: bytes, backup: bytes) -> None:
    chance = random.Random(20261130)
    (size,) = struct.unpack(">I", backup[10:14])
    places = [*chance.sample(range(14 + size, len(backup)), 60), len(backup) - 1, 14 + size]
    for place in places:
        altered = bytearray(backup)
        altered[place] ^= 1 << chance.randrange(8)
        with pytest.raises(BackupDamaged):
            opened_by_key(bytes(altered), key)


def test_the_header_is_authenticated(key: bytes, backup: bytes) -> None:
    for was, now in ((b'"generation":1', b'"generation":2'), (b'"home":"ab"', b'"home":"aa"'), (b'"schema":6', b'"schema":5')):
        with pytest.raises(BackupDamaged):
            opened_by_key(backup.replace(was, now, 1), key)


@pytest.mark.parametrize("kept", [0, 5, 14, 200, 5000, -1, -16, -17])
def test_an_end_cut_off_is_seen(key: bytes, backup: bytes, kept: int) -> None:
    with pytest.raises(BackupDamaged):
        opened_by_key(backup[:kept], key)


def test_something_added_or_another_file_is_seen(key: bytes, backup: bytes) -> None:
    for other in (backup + b"x", b"%PDF-1.7" + backup, b"\0" * 100):
        with pytest.raises(BackupDamaged):
            opened_by_key(other, key)


def test_a_later_format_is_refused_before_anything_is_guessed(backup: bytes) -> None:
    with pytest.raises(BackupTooNew):
        read_header(io.BytesIO(backup[:8] + b"\x00\x02" + backup[10:]))


def test_a_header_cannot_make_us_work_for_ever(phrase: RecoveryPhrase) -> None:
    greedy = msgspec.structs.replace(recipient_of(phrase), n=1 << 30)
    with pytest.raises(BackupDamaged):
        found_key(phrase, greedy, b"x" * 32)
    with pytest.raises(BackupDamaged):
        found_key(phrase, recipient := recipient_of(phrase), bytes(32))
    assert isinstance(recipient, Recipient)


def test_each_backup_has_its_own_key_and_the_box_keeps_none(phrase: RecoveryPhrase) -> None:
    recipient = recipient_of(phrase)
    keys = {fresh_key(recipient) for _ in range(20)}
    assert len({key for key, _ in keys}) == len({ephemeral for _, ephemeral in keys}) == 20
    stolen = msgspec.json.encode(recipient)
    assert phrase.secret not in stolen
    assert not any(key in stolen for key, _ in keys)
    key, ephemeral = keys.pop()
    assert found_key(phrase, recipient, ephemeral) == key
