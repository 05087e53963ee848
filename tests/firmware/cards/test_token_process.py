"""The helper process over a token that nobody here wrote, SoftHSM2: what it finds, signs and keeps to itself."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Literal

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmware.cards.batches import Batches
from firmware.cards.children import Output
from firmware.cards.pin import Outcome
from firmware.cards.token import (
    Begin,
    Contents,
    Failed,
    Found,
    LoggedIn,
    Login,
    Objects,
    Reply,
    Signed,
    SignWith,
    TokenModule,
    Trouble,
    tries_left,
)
from firmware.cards.token_certificate import is_signature_of, use_of
from firmware.cards.token_helper import HelperLost, TokenHelper
from firmware.protocol import KeyUse
from tests.firmware.cards.world import World
from tests.rig.cards.holder import authority_usage, certificate, holder, key, usage
from tests.rig.processes import ROOT, environment
from tests.shared import missing
from tests.tools import need_tool

PIN = "8642"
PARENT = """
import asyncio, json, sys
from firmware.cards.token import TokenModule
from firmware.cards.token_helper import TokenHelper
async def main():
    helper = await TokenHelper.start(TokenModule(library="/nowhere.so"))
    print(helper._process.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


class Token:
    """A SoftHSM2 token with the objects of a card."""

    def __init__(self, folder: Path) -> None:
        self.library = _library()
        self.environment = {"SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
        self._folder = folder
        (folder / "tokens").mkdir()
        (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        self._run("softhsm2-util", "--init-token", "--free", "--label", "card", "--so-pin", "12345678", "--pin", PIN)
        slots = self._run(need_tool("pkcs11-tool"), "--module", self.library, "--list-slots")
        self.reader = slots.split("Slot 0 (")[1].split("): ")[1].splitlines()[0].strip()

    def write(self, kind: Literal["cert", "privkey", "data"], content: bytes, label: str, *options: str) -> None:
        """Put an object in it."""
        (self._folder / "object").write_bytes(content)
        self._run(
            "pkcs11-tool", "--module", self.library, "--token-label", "card", "--login", "--pin", PIN,
            "--write-object", str(self._folder / "object"), "--type", kind, "--label", label, *options,
        )  # fmt: skip

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, env=os.environ | self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def module(self) -> TokenModule:
        return TokenModule(library=self.library, environment=self.environment)


def _library() -> str:
    found = [str(one) for one in Path("/usr/lib").glob("**/libsofthsm2.so")]
    return found[0] if found else missing("the Debian package softhsm2 is not installed")


def _private(own: rsa.RSAPrivateKey) -> bytes:
    return own.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Token]:
    """Labels, identifiers and order say the contrary of the certificates; only KeyUsage tells."""
    need_tool("softhsm2-util")
    folder = tmp_path_factory.mktemp("hsm")
    made = Token(folder)
    auth, sign = holder(KeyUse.AUTH), holder(KeyUse.SIGN)
    made.write("cert", certificate(key(), authority_usage(), days=3000), "AC", "--id", "30")
    made.write("cert", certificate(key(), usage(KeyUse.SIGN), days=5), "former", "--id", "40")
    made.write("cert", sign.certificate, "AUT", "--id", "20")
    made.write("privkey", _private(sign.key), "AUT", "--id", "20", "--usage-sign")
    made.write("privkey", _private(auth.key), "SIG", "--id", "10", "--usage-sign")
    made.write("cert", auth.certificate, "SIG", "--id", "10")
    made.write("data", b"\x80\x05ESSAI", "CPS_NAME_PS")
    made.write("data", b"\xee\x01\x00", "CPS_ACTIVITY_01_PS", "--private")
    yield made
    shutil.rmtree(folder)


@pytest.fixture
async def helper(token: Token) -> AsyncIterator[TokenHelper]:
    started = await TokenHelper.start(token.module)
    yield started
    await started.end()


async def begun(helper: TokenHelper, token: Token) -> Found:
    found = await helper.ask(Begin(library=token.library, reader=token.reader))
    assert isinstance(found, Found), found
    return found


async def logged_in(helper: TokenHelper, token: Token, pin: str = PIN) -> LoggedIn:
    await begun(helper, token)
    told = await helper.ask(Login(pin=bytearray(pin.encode())))
    assert isinstance(told, LoggedIn)
    return told


def trouble(reply: Reply) -> Trouble | None:
    return reply.trouble if isinstance(reply, Failed) else None


async def test_pairs_are_found_by_key_usage_and_the_later_certificate_serves(helper: TokenHelper, token: Token) -> None:
    found = await begun(helper, token)
    assert {one.use: one.der for one in found.certificates} == {use: holder(use).certificate for use in KeyUse}
    assert found.serial
    assert not found.pad


@pytest.mark.parametrize("use", list(KeyUse))
@pytest.mark.parametrize("name", ["sha1", "sha256"])
async def test_data_and_digests_are_signed(helper: TokenHelper, token: Token, use: KeyUse, name: Literal["sha1", "sha256"]) -> None:
    assert (await logged_in(helper, token)).outcome is Outcome.RIGHT
    data = b"document" * 10_000
    by_data = await helper.ask(SignWith(key=use, hash=name, data=data))
    by_digest = await helper.ask(SignWith(key=use, hash=name, digest=hashlib.new(name, data).digest()))
    assert isinstance(by_data, Signed)
    assert isinstance(by_digest, Signed)
    assert by_data.value == by_digest.value
    assert by_data.value == holder(use).key.sign(data, padding.PKCS1v15(), hashes.SHA256() if name == "sha256" else hashes.SHA1())  # noqa: S303


async def test_what_is_no_digest_is_refused_and_signing_goes_on(helper: TokenHelper, token: Token) -> None:
    await logged_in(helper, token)
    assert trouble(await helper.ask(SignWith(key=KeyUse.SIGN, hash="sha256", digest=b"short"))) is Trouble.NEEDS_DATA
    assert isinstance(await helper.ask(SignWith(key=KeyUse.SIGN, hash="sha256", data=b"")), Signed)


async def test_a_wrong_pin_lowers_the_counter_and_the_right_one_restores_it(helper: TokenHelper, token: Token) -> None:
    assert (await begun(helper, token)).tries_left == 3
    wrong = await helper.ask(Login(pin=bytearray(b"0000")))
    assert isinstance(wrong, LoggedIn)
    assert (wrong.outcome, wrong.tries_left) == (Outcome.WRONG, 2)
    assert trouble(await helper.ask(SignWith(key=KeyUse.SIGN, hash="sha256", data=b"x"))) is Trouble.NO_KEY
    right = await helper.ask(Login(pin=bytearray(PIN.encode())))
    assert isinstance(right, LoggedIn)
    assert (right.outcome, right.tries_left) == (Outcome.RIGHT, 3)


async def test_protected_objects_are_those_that_the_pin_uncovers(helper: TokenHelper, token: Token) -> None:
    await begun(helper, token)
    for protected, labels in ((False, ["CPS_NAME_PS"]), (True, ["CPS_NAME_PS"])):
        contents = await helper.ask(Objects(protected=protected))
        assert isinstance(contents, Contents)
        assert [one.label for one in contents.objects] == labels
    await helper.ask(Login(pin=bytearray(PIN.encode())))
    contents = await helper.ask(Objects(protected=True))
    assert isinstance(contents, Contents)
    assert [(one.label, one.value) for one in contents.objects] == [("CPS_ACTIVITY_01_PS", b"\xee\x01\x00")]


async def test_an_empty_reader_and_one_that_is_not_there(helper: TokenHelper, token: Token) -> None:
    assert trouble(await helper.ask(Begin(library=token.library, reader="Another Reader 00 00"))) is Trouble.NO_CARD


@pytest.mark.parametrize("library", ["/nowhere/lib.so", "/usr/lib/x86_64-linux-gnu/libz.so.1", "/etc/hostname", ""])
async def test_what_is_no_module_is_told(library: str) -> None:
    helper = await TokenHelper.start(TokenModule(library=library))
    assert trouble(await helper.ask(Begin(library=library, reader="R"))) is Trouble.LIBRARY
    await helper.end()
    assert not await Batches(TokenModule(library=library), World()).library_loads()


async def test_a_module_that_loads(token: Token) -> None:
    assert await Batches(token.module, World()).library_loads()


async def test_the_pin_shows_nowhere_outside_the_two_processes(helper: TokenHelper, token: Token) -> None:
    await logged_in(helper, token)
    place = Path(f"/proc/{helper._process.pid}")
    for name in ("cmdline", "environ"):
        content = await asyncio.to_thread((place / name).read_bytes)
        assert content
        assert PIN.encode() not in content
    limits = await asyncio.to_thread((place / "limits").read_text)
    assert "Max core file size        0 " in limits
    assert [str((place / "fd" / number).readlink()) for number in ("0", "1", "2")] == ["/dev/null"] * 3


async def test_a_killed_helper_fails_its_caller_at_once_and_for_good(helper: TokenHelper, token: Token) -> None:
    await begun(helper, token)
    os.kill(helper._process.pid, signal.SIGSTOP)
    call = asyncio.ensure_future(helper.ask(Objects()))
    await asyncio.sleep(0.05)
    assert not call.done()
    helper.kill()
    with pytest.raises(HelperLost):
        await call
    with pytest.raises(HelperLost):
        await helper.ask(Objects())


async def test_a_helper_that_does_not_answer_is_killed_at_its_limit(token: Token) -> None:
    module = TokenModule(library=token.library, environment=token.environment, answer_seconds=0.2)
    helper = await TokenHelper.start(module)
    await begun(helper, token)
    os.kill(helper._process.pid, signal.SIGSTOP)
    with pytest.raises(HelperLost) as lost:
        await helper.ask(Objects())
    assert lost.value.late
    await helper.end()
    assert helper._process.returncode == -signal.SIGKILL


async def test_a_caller_that_gives_up_waiting_leaves_no_helper(token: Token) -> None:
    helper = await TokenHelper.start(token.module)
    os.kill(helper._process.pid, signal.SIGSTOP)
    ending = asyncio.ensure_future(helper.end())
    await asyncio.sleep(0.05)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert await helper._process.wait() == -signal.SIGKILL


async def test_a_helper_whose_module_left_a_process_behind_ends_all_the_same() -> None:
    """It hangs, and a child in a session of its own holds its pipes: neither the reader's turn nor a descriptor may stay taken."""
    need_tool("setsid")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names alone
    for _ in range(2):
        output = await Output.open()
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", "setsid sleep 15 & exec sleep 300", stdin=asyncio.subprocess.PIPE, stdout=output.descriptor
        )
        output.given()
        assert process.stdin is not None
        helper = TokenHelper(process, TokenModule(library="/nowhere.so", answer_seconds=0.2), process.stdin, output)
        with pytest.raises(HelperLost, match="late"):
            await helper.ask(Objects())
        async with asyncio.timeout(8):
            await helper.end()
    async with asyncio.timeout(20):
        while len(os.listdir("/proc/self/fd")) > before:  # noqa: ASYNC110, PTH208 - transports close at a later turn of the loop
            await asyncio.sleep(0.01)


async def test_a_helper_ends_with_its_input(token: Token) -> None:
    helper = await TokenHelper.start(token.module)
    await begun(helper, token)
    await helper.end()
    assert helper._process.returncode == 0


def test_a_helper_ends_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=ROOT, env=environment()) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(2000):
        if not _runs(child):
            return
        time.sleep(0.01)
    raise AssertionError("the helper outlived its parent")


def _runs(process: int) -> bool:
    with contextlib.suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    return False


def test_frames_that_make_no_sense_end_the_helper() -> None:
    for content, code in ((b"\0\0\0\x01\xc0", 1), (b"\xff\xff\xff\xff", 0), (b"\0\0", 0), (b"", 0)):
        done = subprocess.run(
            [sys.executable, "-m", "firmware.cards.token_process"], input=content, cwd=ROOT, capture_output=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


@pytest.mark.parametrize(("flags", "tries"), [(0x40D, 3), (0x1040D, 2), (0x2040D, 1), (0x3040D, 1), (0x4040D, 0), (0x7040D, 0)])
def test_flags_tell_tries(flags: int, tries: int) -> None:
    assert tries_left(flags) == tries


def test_certificates_that_serve_for_nothing() -> None:
    assert use_of(certificate(key(), None)) is None
    assert use_of(certificate(key(), authority_usage())) is None
    assert use_of(b"\x30\x03\x02\x01\x00") is None
    assert use_of(b"") is None


def test_a_signature_of_another_key_or_digest_is_seen() -> None:
    pair, digest = holder(KeyUse.SIGN), hashlib.sha256(b"data").digest()
    value = pair.key.sign(b"data", padding.PKCS1v15(), hashes.SHA256())
    assert is_signature_of(pair.certificate, value, "sha256", digest)
    assert not is_signature_of(pair.certificate, value, "sha256", bytes(32))
    assert not is_signature_of(holder(KeyUse.AUTH).certificate, value, "sha256", digest)
    assert not is_signature_of(pair.certificate, b"", "sha256", digest)
