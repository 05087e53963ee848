"""A small secret sealed by the TPM of the board, bound to what its firmware measured; driven through tpm2-tools, one process per command.

The secret goes in and out by pipes, never by a file or an argument. Each command runs with an environment of its own, bounds on time,
processor and files, no core dump, in a folder that is removed. The key has no password (a wrong one would wear the TPM's lockout counter,
cards.md 5.2 [M]): the policy on the PCRs is its only door. Objects are flushed after each step: without a resource manager only three fit.

What is sealed is the secret and a pad, mixed; the pad is in the TPM's own memory and nowhere else. Once the TPM has forgotten it, a copy of
what is stored, kept in old blocks of a flash card for instance, opens nothing even on the same chip.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import msgspec
from typing_extensions import override

DEVICE = "device:/dev/tpmrm0"
"""The kernel's resource manager."""
_LARGEST = 128
"""Bytes a TPM seals at once."""
_FIRST_INDEX, _INDICES = 0x01500000, 0x10000
"""NV indices of the owner, clear of those that manufacturers use (TCG registry of reserved handles)."""
_SECONDS = 60.0
_BOUNDS = ("--core=0", "--cpu=30", "--fsize=1000000", "--nofile=64")
_NOT_MET = (b"0x99d", b"0x126", b"a policy check failed")
"""TPM_RC_POLICY_FAIL of a session; TPM_RC_POLICY_FAIL alone."""


class TpmFault(Exception):
    """Base: `technical` names the command and the return code only."""

    def __init__(self, technical: str = "") -> None:
        super().__init__(technical or type(self).__name__)
        self.technical = technical


class TpmMissing(TpmFault):
    """No TPM answers, or the tools are not installed."""


class TpmRefused(TpmFault):
    """The measurements are not those it was sealed under, or another TPM sealed it."""


class TpmFailed(TpmFault):
    """A command failed for another reason."""


class SealedSecret(msgspec.Struct, frozen=True, kw_only=True):
    """What may be stored: the two halves of the sealed object and the PCRs of its policy (`sha256:7`)."""

    public: bytes
    private: bytes
    pcrs: str
    index: str | None = None
    """Where the TPM keeps the pad (NV index, hexadecimal); None for what was sealed without one."""

    @override
    def __repr__(self) -> str:
        return f"SealedSecret({self.pcrs})"


class Tpm:
    """One TPM, by its TCTI (`device:/dev/tpmrm0`, `swtpm:host=…,port=…`). Calls block for 0.1 to 2 s."""

    def __init__(self, tcti: str = DEVICE) -> None:
        self._tcti = tcti

    def seal(self, secret: bytes, pcrs: str) -> SealedSecret:
        """Seal up to 128 bytes under the PCRs as they stand now; raises TpmMissing, TpmFailed."""
        if not 0 < len(secret) <= _LARGEST:
            raise TpmFailed("size")
        with _folder() as folder:
            index, pad = self._pad(folder, len(secret))
            self._parent(folder)
            self._run(folder, "createpolicy", "--policy-pcr", "-l", pcrs, "-L", "policy.dat")
            attributes = "fixedtpm|fixedparent|noda"
            files = ("-u", "key.pub", "-r", "key.priv")
            self._run(
                folder, "create", "-C", "parent.ctx", "-L", "policy.dat", "-a", attributes, "-i", "-", *files, given=_mixed(secret, pad)
            )
            public, private = (Path(folder, name).read_bytes() for name in ("key.pub", "key.priv"))
            return SealedSecret(public=public, private=private, pcrs=pcrs, index=index)

    def unseal(self, sealed: SealedSecret) -> bytes:
        """The secret; raises TpmRefused when the PCRs moved or the TPM is another one, TpmMissing, TpmFailed."""
        with _folder() as folder:
            Path(folder, "key.pub").write_bytes(sealed.public)
            Path(folder, "key.priv").write_bytes(sealed.private)
            self._parent(folder)
            try:
                self._run(folder, "load", "-C", "parent.ctx", "-u", "key.pub", "-r", "key.priv", "-c", "key.ctx")
            except TpmFailed as problem:
                raise TpmRefused(f"another TPM: {problem.technical}") from None
            opened = self._run(folder, "unseal", "-c", "key.ctx", "-p", f"pcr:{sealed.pcrs}")
            if sealed.index is None:
                return opened
            try:
                return _mixed(opened, self._run(folder, "nvread", "-C", "o", "-s", str(len(opened)), sealed.index))
            except TpmFailed as problem:
                raise TpmRefused(f"forgotten: {problem.technical}") from None

    def forget(self, sealed: SealedSecret) -> bool:
        """Have the TPM forget the pad: the secret is dead. False for what was sealed without one. Raises TpmMissing, TpmFailed."""
        if sealed.index is None:
            return False
        with _folder() as folder:
            known = self._run(folder, "getcap", "handles-nv-index").decode(errors="replace").lower()
            if sealed.index.lower().removeprefix("0x") in known:
                self._run(folder, "nvundefine", "-C", "o", sealed.index)
        return True

    def _pad(self, folder: str, size: int) -> tuple[str, bytes]:
        """A new one, and where the TPM keeps it."""
        index, pad = hex(_FIRST_INDEX + secrets.randbelow(_INDICES)), secrets.token_bytes(size)
        self._run(folder, "nvdefine", "-C", "o", "-s", str(size), "-a", "ownerread|ownerwrite|no_da", index)
        self._run(folder, "nvwrite", "-C", "o", "-i", "-", index, given=pad)
        return index, pad

    def _parent(self, folder: str) -> None:
        """The same storage key each time, derived by the TPM from its own seed: nothing of it is kept."""
        self._run(folder, "createprimary", "-C", "o", "-G", "ecc", "-g", "sha256", "-c", "parent.ctx")

    def _run(self, folder: str, command: str, *arguments: str, given: bytes | None = None) -> bytes:
        done = self._start(folder, command, arguments, given)
        if done.returncode == 0:
            self._start(folder, "flushcontext", ("-t",), None)
            return done.stdout
        self._start(folder, "flushcontext", ("-t",), None)
        self._start(folder, "flushcontext", ("-l",), None)
        technical = f"{command}: {done.returncode}"
        if any(mark in done.stderr for mark in _NOT_MET):
            raise TpmRefused(technical)
        if b"tcti" in done.stderr.lower():
            raise TpmMissing(technical)
        raise TpmFailed(technical)

    def _start(self, folder: str, command: str, arguments: tuple[str, ...], given: bytes | None) -> subprocess.CompletedProcess[bytes]:
        tool, bounds = shutil.which(f"tpm2_{command}"), shutil.which("prlimit")
        if tool is None or bounds is None:
            raise TpmMissing("tpm2-tools")
        try:
            return subprocess.run(  # noqa: S603 - a fixed tool, arguments of ours, the secret by a pipe
                [bounds, *_BOUNDS, "--", tool, *arguments],
                cwd=folder,
                env={"PATH": "/usr/bin:/bin", "TPM2TOOLS_TCTI": self._tcti, "LANG": "C"},
                input=given,
                stdin=subprocess.DEVNULL if given is None else None,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise TpmFailed(f"{command}: timeout") from None
        except OSError as problem:
            raise TpmMissing(type(problem).__name__) from None


def _mixed(one: bytes, other: bytes) -> bytes:
    """Each byte of one with that of the other; raises TpmFailed when they are not of one size."""
    if len(one) != len(other):
        raise TpmFailed("size")
    return bytes(left ^ right for left, right in zip(one, other, strict=True))


def _folder() -> tempfile.TemporaryDirectory[str]:
    """Private, in memory where there is one: it sees what the TPM alone can open."""
    memory = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
    return tempfile.TemporaryDirectory(prefix="relais-tpm-", dir=memory if memory.is_dir() else None)
