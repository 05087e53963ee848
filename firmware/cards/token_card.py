"""One card through a PKCS#11 module: found by its reader's name, unlocked once, read, made to sign. Used in the helper process only.

No CPS command is written here: the module knows them. Everything runs on one thread (cards.md 5.2). Slot by PC/SC reader name, keys and
certificates paired by CKA_ID, data objects by label. Source: cards.md 1.5 to 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import pkcs11
from pkcs11 import Attribute, Mechanism, ObjectClass, Session, SignMixin, Slot, TokenFlag

from firmware.cards.pin import Outcome
from firmware.cards.token import Failed, Found, LoggedIn, SignWith, Trouble, slot_description, tries_left
from firmware.cards.token_certificate import HashName, digest_info, digest_of, digest_size, is_signature_of, not_after, use_of
from firmware.protocol import CardCertificate, CardObject, KeyUse

_GONE = (
    pkcs11.DeviceRemoved, pkcs11.TokenNotPresent, pkcs11.SessionHandleInvalid, pkcs11.SessionClosed, pkcs11.SlotIDInvalid,
)  # fmt: skip
_REFUSED = (
    pkcs11.MechanismInvalid, pkcs11.FunctionNotSupported, pkcs11.KeyTypeInconsistent, pkcs11.FunctionRejected, pkcs11.DataInvalid,
    pkcs11.DataLenRange,
)  # fmt: skip
_HASHED: dict[HashName, Mechanism] = {"sha1": Mechanism.SHA1_RSA_PKCS, "sha256": Mechanism.SHA256_RSA_PKCS}


class CannotDo(Exception):
    """Carries the answer that tells why."""

    def __init__(self, trouble: Trouble, technical: str = "", *, fatal: bool = True) -> None:
        super().__init__(trouble)
        self.answer = Failed(trouble=trouble, technical=technical, fatal=fatal)


class TokenCard:
    """The card in one reader, from Found to the end of the process."""

    def __init__(self, library: str, reader: str) -> None:
        self._slot = _slot_of(load(library), reader)
        self._pairs: dict[KeyUse, tuple[bytes, bytes]] = {}
        self._unlocked: Session | None = None
        self._free_labels: frozenset[str] = frozenset()
        with _told():
            self._session = self._slot.get_token().open()

    def found(self) -> Found:
        """Serial number, tries left, certificates. Raises CannotDo."""
        with _told():
            token = self._slot.get_token()
            flags = token.flags
            latest: dict[KeyUse, float] = {}
            for one in self._session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE}):
                der, identifier = bytes(one[Attribute.VALUE]), bytes(one[Attribute.ID])
                use = use_of(der)
                if use is not None and not_after(der) > latest.get(use, float("-inf")):
                    self._pairs[use], latest[use] = (der, identifier), not_after(der)
        return Found(
            serial=token.serial,
            tries_left=tries_left(flags),
            pad=bool(flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH),
            certificates=tuple(CardCertificate(use=use, der=der) for use, (der, _) in sorted(self._pairs.items())),
        )

    def login(self, pin: bytearray | None) -> LoggedIn:
        """Present the PIN once; never raises, for whatever goes wrong may have been a try. The tries left only where the card answered."""
        technical, malformed = "", False
        with suppress(pkcs11.PKCS11Error):
            self._free_labels = frozenset(label for label, _ in self._data(self._session))
        try:
            given = pkcs11.PROTECTED_AUTH if pin is None else pin.decode("ascii")
            self._unlocked = self._slot.get_token().open(user_pin=given)
            outcome = Outcome.RIGHT
        except pkcs11.PinIncorrect:
            outcome = Outcome.WRONG
        except pkcs11.PinLocked:
            outcome = Outcome.BLOCKED
        except (pkcs11.PKCS11Error, ValueError) as error:
            outcome, technical = Outcome.UNKNOWN, type(error).__name__
            malformed = isinstance(error, pkcs11.PinLenRange | pkcs11.PinInvalid)
        seen = outcome is not Outcome.UNKNOWN or malformed  # else the module may tell what it remembers of a card that is gone [M]
        return LoggedIn(outcome=outcome, tries_left=self._counter() if seen else None, malformed=malformed, technical=technical)

    def objects(self, *, protected: bool) -> tuple[CardObject, ...]:
        """Data objects, those that only the PIN uncovers or the others; one that cannot be read is left out. Raises CannotDo."""
        with _told():
            session = self._unlocked if protected and self._unlocked is not None else self._session
            found = [(label, one) for label, one in self._data(session) if not protected or label not in self._free_labels]
            values = [(label, _value(one)) for label, one in found]
        return tuple(CardObject(label=label, value=value) for label, value in values if value is not None)

    def sign(self, request: SignWith) -> bytes:
        """A signature that verifies with the certificate of that use. Raises CannotDo."""
        if request.key not in self._pairs or self._unlocked is None:
            raise CannotDo(Trouble.NO_KEY, fatal=False)
        der, identifier = self._pairs[request.key]
        with _told():
            key = self._key(self._unlocked, identifier)
        digest = digest_of(request.hash, request.data) if request.data is not None else request.digest or b""
        if len(digest) != digest_size(request.hash):
            raise CannotDo(Trouble.NEEDS_DATA, "length of the digest", fatal=False)
        value = self._signed(key, request, digest_info(request.hash, digest))
        if not is_signature_of(der, value, request.hash, digest):
            raise CannotDo(Trouble.SIGNATURE)
        return value

    def _signed(self, key: SignMixin, request: SignWith, info: bytes) -> bytes:
        """By the way that suits the key, else the other where the module refuses it outright.

        A CPS3 signs with its signature key only what it has hashed the last block of, and authenticates with a ready DigestInfo.
        """
        ways: list[tuple[bytes, Mechanism]] = [(info, Mechanism.RSA_PKCS)]
        if request.data is not None:
            ways.insert(0 if request.key is KeyUse.SIGN else 1, (request.data, _HASHED[request.hash]))
        refused = ""
        with _told():
            offered = self._slot.get_mechanisms()
            for content, mechanism in ways:
                if mechanism not in offered:
                    continue
                try:
                    return bytes(key.sign(content, mechanism=mechanism))
                except _REFUSED as error:
                    refused = type(error).__name__
        raise CannotDo(Trouble.NEEDS_DATA if request.data is None else Trouble.NO_WAY, refused, fatal=False)

    def _key(self, session: Session, identifier: bytes) -> SignMixin:
        found = list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: identifier}))
        if not found or not isinstance(found[0], SignMixin):
            raise CannotDo(Trouble.NO_KEY, fatal=False)
        with suppress(pkcs11.AttributeTypeInvalid):
            if found[0][Attribute.ALWAYS_AUTHENTICATE]:
                raise CannotDo(Trouble.PIN_EACH_TIME, fatal=False)
        return found[0]

    def _data(self, session: Session) -> Iterator[tuple[str, pkcs11.Object]]:
        for one in session.get_objects({Attribute.CLASS: ObjectClass.DATA}):
            yield str(one[Attribute.LABEL]), one

    def _counter(self) -> int | None:
        try:
            return tries_left(self._slot.get_token().flags)
        except pkcs11.PKCS11Error:
            return None


def load(library: str) -> pkcs11.lib:  # type: ignore[valid-type]
    """The module, initialised. Raises CannotDo."""
    try:
        return pkcs11.lib(library)
    except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
        raise CannotDo(Trouble.LIBRARY, type(error).__name__) from error


def _slot_of(module: pkcs11.lib, reader: str) -> Slot:  # type: ignore[valid-type]
    """The slot whose description is the name of the reader; a slot holds 64 bytes of it, and who asks knows of no other such reader."""
    wanted = slot_description(reader)
    with _told():
        slots = [one for one in module.get_slots(token_present=True) if one.slot_description.strip() == wanted]  # type: ignore[attr-defined]
    for one in slots:
        with suppress(pkcs11.TokenNotRecognised):
            with _told(unrecognised=pkcs11.TokenNotRecognised):
                one.get_token()
            return one  # type: ignore[no-any-return]
    raise CannotDo(Trouble.NOT_RECOGNISED if slots else Trouble.NO_CARD)


def _value(one: pkcs11.Object) -> bytes | None:
    try:
        return bytes(one[Attribute.VALUE])
    except _GONE:
        raise
    except pkcs11.PKCS11Error:
        return None


@contextmanager
def _told(unrecognised: type[pkcs11.PKCS11Error] | None = None) -> Iterator[None]:
    """Turns the errors of the module into CannotDo; names alone, never what the module says."""
    try:
        yield
    except _GONE as error:
        raise CannotDo(Trouble.NO_CARD, type(error).__name__) from error
    except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
        if unrecognised is not None and isinstance(error, unrecognised):
            raise
        _broken(error)


def _broken(error: Exception) -> NoReturn:
    raise CannotDo(Trouble.BROKEN, type(error).__name__) from error
