"""A key in a PKCS#11 token, through whichever module is configured: every call of a module on one thread, each token opened once.

python-pkcs11 is loaded by the first use and not before. Four threads on four sessions make SoftHSM fail at random, and a second login in a
process is refused (cards.md 5.2 [M]): one thread, one session for each token, one login. A PIN goes to a token once; what becomes of it
is said by a typed error, never tried again here. Signing is raw RSA over a DigestInfo, which every module takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import msgspec
from cryptography import x509
from typing_extensions import override

from gateway.trust.algorithms import digest_of
from gateway.trust.certificate import load_certificate, rsa_public_key
from gateway.trust.errors import CertificateMalformed, KeyUnavailable
from gateway.trust.signer import DigestName
from gateway.trust.token_errors import (
    TokenAbsent,
    TokenFault,
    TokenKeyMissing,
    TokenModuleMissing,
    TokenPinRefused,
    TokenSilent,
    TokenTriesLow,
)

ANSWER_SECONDS = 30.0
_INFO: dict[DigestName, bytes] = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""DigestInfo of RFC 8017 9.2, before the digest."""
_T = TypeVar("_T")


class TokenPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a key is: module, label of the token, CKA_ID of the key. The PIN is never part of it."""

    library: str
    label: str
    key_id: bytes


class Pin(msgspec.Struct, frozen=True):
    """The PIN as it is kept between two openings; shows in no repr."""

    value: str

    @override
    def __repr__(self) -> str:
        return "Pin(…)"


class TokenModule:
    """One module and its thread; `module_of` gives the one of a library."""

    def __init__(self, library: str, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._library = library
        self._patience = answer_seconds
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pkcs11")
        self._sessions: dict[str, Any] = {}
        self._keys: dict[TokenPlace, Any] = {}
        self._mark = secrets.token_bytes(32)
        self._refused: set[bytes] = set()
        """Marks of the PINs that a token of this run refused: never presented again, whoever asks (cards.md 6, rule 4)."""

    async def find(self, label: str, pin: Pin, *, structure: str) -> tuple[TokenPlace, x509.Certificate]:
        """Open the token as a person asks, and find its RSA signing key that has a certificate there.

        Raises TokenAbsent, TokenPinRefused, TokenKeyMissing, TokenSilent, TokenFault, TokenModuleMissing.
        """
        return await self._on_thread(lambda: self._find(label, pin), structure)

    async def sign(self, place: TokenPlace, pin: Pin | None, data: bytes, digest: DigestName, *, structure: str) -> bytes:
        """RSASSA-PKCS1-v1_5; opens the token when it is not open yet, and once more when it went away and is back. Raises as `find`.

        `pin` None: it was refused before, and only a session that is still open serves. TokenTriesLow: the machine presents no PIN.
        """
        info = _INFO[digest] + digest_of(data, digest)
        return await self._on_thread(lambda: self._sign(place, pin, info), structure)

    async def release(self, label: str) -> None:
        """Close the session of a token, which forgets its login; does nothing when there is none."""
        await asyncio.wrap_future(self._thread.submit(self._drop, label))

    async def _on_thread(self, work: Callable[[], _T], structure: str) -> _T:
        future: Future[_T] = self._thread.submit(work)
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise TokenSilent(role="sign", structure=structure) from None
        except KeyUnavailable as problem:
            problem.facts.setdefault("structure", structure)
            raise

    def _sign(self, place: TokenPlace, pin: Pin | None, info: bytes) -> bytes:
        from pkcs11 import Mechanism, PKCS11Error

        key = self._keys.get(place)
        if key is not None:
            with contextlib.suppress(PKCS11Error):
                return bytes(key.sign(info, mechanism=Mechanism.RSA_PKCS))
            self._drop(place.label)
        key = self._key(place, pin)
        try:
            return bytes(key.sign(info, mechanism=Mechanism.RSA_PKCS))
        except PKCS11Error as problem:
            self._drop(place.label)
            raise TokenFault(type(problem).__name__) from None

    def _find(self, label: str, pin: Pin) -> tuple[TokenPlace, x509.Certificate]:
        from pkcs11 import Attribute, KeyType, ObjectClass, PKCS11Error

        self._drop(label)
        session = self._session(label, pin, by_hand=True)
        try:
            certificates = {
                one[Attribute.ID]: one[Attribute.VALUE] for one in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})
            }
            wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.KEY_TYPE: KeyType.RSA}
            held = [one[Attribute.ID] for one in session.get_objects(wanted)]
        except PKCS11Error as problem:
            self._drop(label)
            raise TokenFault(type(problem).__name__) from None
        fit = [(key_id, leaf) for key_id in held if key_id in certificates and (leaf := _signing(certificates[key_id])) is not None]
        if len(fit) != 1:
            self._drop(label)
            raise TokenKeyMissing(f"{len(fit)} keys")
        key_id, leaf = fit[0]
        return TokenPlace(library=self._library, label=label, key_id=bytes(key_id)), leaf

    def _key(self, place: TokenPlace, pin: Pin | None) -> Any:
        from pkcs11 import Attribute, ObjectClass, PKCS11Error

        session = self._session(place.label, pin, by_hand=False)
        try:
            wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: place.key_id}
            key = next(iter(session.get_objects(wanted)), None)
        except PKCS11Error as problem:
            self._drop(place.label)
            raise TokenFault(type(problem).__name__) from None
        if key is None:
            raise TokenKeyMissing("gone")
        self._keys[place] = key
        return key

    def _session(self, label: str, pin: Pin | None, *, by_hand: bool) -> Any:
        if label not in self._sessions:
            self._sessions[label] = self._open(label, pin, by_hand=by_hand)
        return self._sessions[label]

    def _open(self, label: str, pin: Pin | None, *, by_hand: bool) -> Any:
        import pkcs11
        from pkcs11 import PKCS11Error, TokenFlag

        token = self._token(label)
        mark = None if pin is None else hmac.digest(self._mark, f"{label}\0{pin.value}".encode(), "sha256")
        if pin is None or mark is None or mark in self._refused:
            raise TokenPinRefused("refused before")
        if not by_hand and token.flags & (TokenFlag.USER_PIN_COUNT_LOW | TokenFlag.USER_PIN_FINAL_TRY | TokenFlag.USER_PIN_LOCKED):
            raise TokenTriesLow
        try:
            return token.open(user_pin=pin.value)
        except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinLocked, pkcs11.PinExpired) as problem:
            self._refused.add(mark)
            raise TokenPinRefused(type(problem).__name__) from None
        except (pkcs11.TokenNotPresent, pkcs11.DeviceRemoved, pkcs11.SlotIDInvalid) as problem:
            raise TokenAbsent(type(problem).__name__) from None
        except PKCS11Error as problem:
            raise TokenFault(type(problem).__name__) from None

    def _token(self, label: str) -> Any:
        from pkcs11 import PKCS11Error

        library = self._module()
        with contextlib.suppress(PKCS11Error):
            return library.get_token(token_label=label)
        if self._sessions:
            raise TokenAbsent("other tokens serve")
        try:
            library.reinitialize()  # a module may look at its readers once only
            return library.get_token(token_label=label)
        except PKCS11Error as problem:
            raise TokenAbsent(type(problem).__name__) from None

    def _module(self) -> Any:
        import pkcs11
        from pkcs11 import PKCS11Error

        try:
            return pkcs11.lib(self._library)
        except (PKCS11Error, RuntimeError, OSError) as problem:
            raise TokenModuleMissing(type(problem).__name__) from None

    def _drop(self, label: str) -> None:
        self._keys = {place: key for place, key in self._keys.items() if place.label != label}
        session = self._sessions.pop(label, None)
        if session is not None:
            from pkcs11 import PKCS11Error

            with contextlib.suppress(PKCS11Error):
                session.close()


@cache
def module_of(library: str) -> TokenModule:
    """The module of a library: its C code keeps one state for the whole process."""
    return TokenModule(library)


def _signing(der: bytes) -> x509.Certificate | None:
    """A certificate that may sign documents; authorities and others that lie in the token are left aside."""
    try:
        leaf = load_certificate(bytes(der))
        rsa_public_key(leaf)
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except (CertificateMalformed, x509.ExtensionNotFound):
        return None
    return leaf if usage.content_commitment else None
