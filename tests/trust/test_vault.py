"""The vault: what is sealed opens again, and nothing else does."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernel.errors import ErrorClass
from gateway.trust.boxkey import FileBoxKey
from gateway.trust.sealing import Algorithm, preferred_algorithm
from gateway.trust.vault import BlobDamaged, BoxKeyUnavailable, DataKey, Vault, open_vault

CONTEXT = b"0193-doc:original"


class Fixed:
    def __init__(self, key: bytes = b"k" * 32) -> None:
        self._key = key

    def load(self) -> bytes:
        return self._key


VAULT = Vault(Fixed())


@pytest.fixture(params=list(Algorithm), ids=lambda one: one.name)
def key(request: pytest.FixtureRequest) -> DataKey:
    return Vault(Fixed(), request.param).new_key()


@given(plain=st.binary(max_size=5000), context=st.binary(max_size=60))
def test_sealed_bytes_open_again(plain: bytes, context: bytes) -> None:
    key = VAULT.new_key()
    assert VAULT.unwrap(key.wrapped).open(key.seal(plain, context), context) == plain


@given(chunks=st.lists(st.binary(max_size=70)), cut=st.integers(1, 50))
def test_streams_open_again_whatever_the_cut(chunks: list[bytes], cut: int) -> None:
    key, plain = VAULT.new_key(), b"".join(chunks)
    sealed = b"".join(key.seal_stream(chunks, CONTEXT, frame_bytes=32))
    pieces = [sealed[start : start + cut] for start in range(0, len(sealed), cut)]
    assert b"".join(key.open_stream(pieces, CONTEXT)) == plain
    assert key.open(sealed, CONTEXT) == plain


def test_every_changed_byte_is_seen(key: DataKey) -> None:
    for sealed in (key.seal(b"ordonnance", CONTEXT), b"".join(key.seal_stream([b"ordonnance"], CONTEXT, frame_bytes=4))):
        for position in range(len(sealed)):
            changed = bytearray(sealed)
            changed[position] ^= 1
            with pytest.raises(BlobDamaged):
                key.open(bytes(changed), CONTEXT)


def test_every_cut_is_seen(key: DataKey) -> None:
    for sealed in (key.seal(b"ordonnance", CONTEXT), b"".join(key.seal_stream([b"ordonnance"], CONTEXT, frame_bytes=4))):
        for size in range(len(sealed)):
            with pytest.raises(BlobDamaged):
                key.open(sealed[:size], CONTEXT)
            with pytest.raises(BlobDamaged):
                list(key.open_stream([sealed[:size]], CONTEXT))


def test_frames_moved_repeated_dropped_or_added_are_seen(key: DataKey) -> None:
    sealed = b"".join(key.seal_stream([bytes(range(64))], CONTEXT, frame_bytes=16))
    head, frames = sealed[:-128], [sealed[len(sealed) - 128 + 32 * n :][:32] for n in range(4)]
    assert key.open(head + b"".join(frames), CONTEXT) == bytes(range(64))
    for order in ([1, 0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2, 2, 3], [0, 1, 2, 3, 3], [3]):
        with pytest.raises(BlobDamaged):
            key.open(head + b"".join(frames[n] for n in order), CONTEXT)


def test_another_context_or_another_key_opens_nothing(key: DataKey) -> None:
    for sealed in (key.seal(b"x", CONTEXT), b"".join(key.seal_stream([b"x"], CONTEXT))):
        with pytest.raises(BlobDamaged):
            key.open(sealed, b"0193-other:original")
        with pytest.raises(BlobDamaged):
            VAULT.new_key().open(sealed, CONTEXT)


def test_one_algorithm_opens_what_the_other_sealed() -> None:
    for one, other in ((Algorithm.AES_256_GCM, Algorithm.CHACHA20_POLY1305), (Algorithm.CHACHA20_POLY1305, Algorithm.AES_256_GCM)):
        key = Vault(Fixed(), one).new_key()
        sealed = key.seal(b"plain", CONTEXT)
        assert sealed[4] == one
        assert Vault(Fixed(), other).unwrap(key.wrapped).open(sealed, CONTEXT) == b"plain"


def test_the_whole_form_is_plain_aes_gcm() -> None:
    vault = Vault(Fixed(), Algorithm.AES_256_GCM)
    sealed = vault.new_key().seal(b"plain", CONTEXT)
    raw = os.urandom(32)
    judged = DataKey(raw, b"", Algorithm.AES_256_GCM).seal(b"plain", CONTEXT)
    assert AESGCM(raw).decrypt(judged[10:22], judged[22:], judged[:10] + CONTEXT) == b"plain"
    assert sealed[:4] == b"RLS\x01"


def test_a_nonce_is_never_used_twice() -> None:
    key = VAULT.new_key()
    assert len({key.seal(b"", CONTEXT)[10:22] for _ in range(2000)}) == 2000
    assert len({key.sealer(CONTEXT).update(b"")[10:42] for _ in range(200)}) == 200


def test_a_large_stream_is_never_in_memory() -> None:
    key, chunk = VAULT.new_key(), os.urandom(65_536)
    tracemalloc.start()
    size = sum(len(plain) for plain in key.open_stream(key.seal_stream((chunk for _ in range(320)), CONTEXT), CONTEXT))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 20_971_520
    assert peak < 3_000_000


def test_small_records_and_pseudonyms() -> None:
    sealed = VAULT.seal_small(b"homologation", b"lps")
    assert VAULT.open_small(sealed, b"lps") == b"homologation"
    with pytest.raises(BlobDamaged):
        VAULT.open_small(sealed, b"other")
    assert VAULT.pseudonym("patient", "279035121518989") == VAULT.pseudonym("patient", "279035121518989")
    assert len(VAULT.pseudonym("patient", "279035121518989")) == 64
    assert VAULT.pseudonym("ab", "c") != VAULT.pseudonym("a", "bc")
    assert VAULT.pseudonym("patient", "1") != Vault(Fixed(b"z" * 32)).pseudonym("patient", "1")


def test_another_box_is_told_from_damage() -> None:
    other = Vault(Fixed(b"o" * 32))
    key = VAULT.new_key()
    with pytest.raises(BoxKeyUnavailable) as refusal:
        other.unwrap(key.wrapped)
    assert refusal.value.error_class is ErrorClass.CONFIGURATION
    with pytest.raises(BoxKeyUnavailable):
        other.open_small(VAULT.seal_small(b"x", b"c"), b"c")
    with pytest.raises(BlobDamaged) as damage:
        VAULT.unwrap(key.wrapped[:-1] + b"\0\0")
    assert damage.value.code == "payload-damaged"
    assert damage.value.error_class is ErrorClass.HUMAN
    for short in (b"", key.wrapped[:7], key.wrapped[:8], key.wrapped[:20]):
        with pytest.raises(BlobDamaged):
            VAULT.unwrap(short)


def test_keys_do_not_show() -> None:
    vault = Vault(Fixed(b"\x41" * 32))
    for held in (vault, vault.new_key(), vault.new_key().sealer(b"")):
        assert repr(held).endswith("(…)")
        with pytest.raises(TypeError):
            pickle.dumps(held)


def test_the_box_key_is_made_once_and_private(tmp_path: Path) -> None:
    sealed = open_vault(tmp_path, create=True).seal_small(b"x", b"c")
    path = tmp_path / "box.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == 32
    before = path.read_bytes()
    assert open_vault(tmp_path, create=True).open_small(sealed, b"c") == b"x"
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["box.key"]


def test_a_box_key_that_is_missing_short_or_exposed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BoxKeyUnavailable):
        open_vault(tmp_path)
    path = tmp_path / "box.key"
    path.write_bytes(b"k" * 31)
    path.chmod(0o600)
    with pytest.raises(BoxKeyUnavailable):
        FileBoxKey(path).load()
    path.write_bytes(b"k" * 32)
    path.chmod(0o640)
    with pytest.raises(BoxKeyUnavailable) as refusal:
        FileBoxKey(path).load()
    assert "lisible par d'autres" in refusal.value.explanation.what


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("flags\t\t: fpu aes avx\n", Algorithm.AES_256_GCM),
        ("Features\t: fp asimd aes pmull sha1\n", Algorithm.AES_256_GCM),
        ("Features\t: fp asimd evtstrm crc32 cpuid\n", Algorithm.CHACHA20_POLY1305),
        ("model name\t: an aes in a name\n", Algorithm.CHACHA20_POLY1305),
        (None, Algorithm.CHACHA20_POLY1305),
    ],
)
def test_the_processor_chooses_the_cipher(tmp_path: Path, cpuinfo: str | None, expected: Algorithm) -> None:
    path = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        path.write_text(cpuinfo)
    assert preferred_algorithm(path) is expected
