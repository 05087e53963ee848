"""A certificate file opened in a process of its own: what a stranger's file costs is bounded, and the box goes on meanwhile.

The library holds the interpreter while it derives the key of a .p12, as many rounds as the file says: one that asks for billions would stop
every delivery. File and passphrase go in by a pipe, the key comes out by a pipe; the process leaves no core. Bounds in `Bounds`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from typing_extensions import override

from firmware.process import harden_process
from gateway.kernel.errors import RelaisError
from gateway.trust import errors, refusals
from gateway.trust.certificate import load_certificate, to_der
from gateway.trust.pkcs12_file import OpenedFile, open_pkcs12
from gateway.trust.refusals import Pkcs12Damaged, Pkcs12TooSlow


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What opening a file may cost: seconds of processor and of clock, bytes of memory."""

    cpu_seconds: int = 20
    wall_seconds: float = 60.0
    memory_bytes: int = 1_000_000_000


class _Asked(msgspec.Struct, frozen=True):
    data: bytes
    passphrase: str

    @override
    def __repr__(self) -> str:
        return "_Asked(…)"


class _Answered(msgspec.Struct, frozen=True, kw_only=True):
    fault: str | None = None
    """Name of the error, with its facts."""
    facts: dict[str, str] = {}
    key: bytes = b""
    leaf: bytes = b""
    others: tuple[bytes, ...] = ()

    @override
    def __repr__(self) -> str:
        return "_Answered(…)"


def open_confined(data: bytes, passphrase: str, bounds: Bounds | None = None) -> OpenedFile:
    """As `open_pkcs12`, and Pkcs12TooSlow for a file that costs more than the bounds; blocks, so it is for a thread."""
    bounds = bounds or Bounds()
    limits = (f"--cpu={bounds.cpu_seconds}", f"--as={bounds.memory_bytes}", "--core=0", "--nofile=64")
    program = shutil.which("prlimit")
    prefix = [program, *limits, "--"] if program is not None else []
    try:
        done = subprocess.run(  # noqa: S603 - our own module, the file by a pipe
            [*prefix, sys.executable, "-m", "gateway.trust.pkcs12_process"],
            input=msgspec.msgpack.encode(_Asked(data, passphrase)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": ":".join(filter(None, sys.path))},
            timeout=bounds.wall_seconds,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise Pkcs12TooSlow("clock") from None
    except OSError as problem:
        raise Pkcs12Damaged(type(problem).__name__) from None
    if done.returncode < 0:
        raise Pkcs12TooSlow(f"signal {-done.returncode}")
    try:
        return _opened(msgspec.msgpack.decode(done.stdout, type=_Answered))
    except msgspec.MsgspecError:
        raise Pkcs12Damaged(f"exit {done.returncode}") from None


def _opened(answer: _Answered) -> OpenedFile:
    if answer.fault is not None:
        known = {**vars(errors), **vars(refusals)}
        raise known.get(answer.fault, Pkcs12Damaged)(**answer.facts)
    # Validated where it was opened.
    key = load_der_private_key(answer.key, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Pkcs12Damaged("key")
    return OpenedFile(key, load_certificate(answer.leaf), tuple(map(load_certificate, answer.others)))


def _answer(asked: _Asked) -> _Answered:
    try:
        opened = open_pkcs12(asked.data, asked.passphrase)
    except RelaisError as problem:
        return _Answered(fault=type(problem).__name__, facts={name: str(value) for name, value in problem.facts.items()})
    return _Answered(
        key=opened.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        leaf=to_der(opened.certificate),
        others=tuple(to_der(one) for one in opened.others),
    )


def main() -> None:
    """The process itself: one file in, one answer out."""
    harden_process()
    asked = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Asked)
    sys.stdout.buffer.write(msgspec.msgpack.encode(_answer(asked)))


if __name__ == "__main__":
    main()
