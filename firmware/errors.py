"""What can go wrong with a device, by stable code; the gateway gives each its French words and its class.

DeviceError
├── CardsUnavailable       cards-unavailable        this box cannot drive readers at all: pyscard or its library is missing
├── ServiceDown            card-service-down        PC/SC does not answer; it is tried again by itself        (retry_after)
├── DeviceUnknown
│   ├── ReaderUnknown      reader-unknown           no such reader is plugged in
│   └── ScannerUnknown     scanner-unknown          no such scanner
├── CardNotThere
│   ├── CardAbsent         card-absent              the reader is empty
│   ├── CardChanged        card-changed             another insertion than the one the caller means
│   └── CardMute           card-mute                upside down, half inserted, or dead
├── CardUnsuited
│   ├── NotACpx            not-a-cpx                the call is about a CPx card, this is none
│   ├── NotAVitale         not-a-vitale             the call is about a Vitale card, this is none
│   ├── CardNotServed      card-not-served          a CPx card that the PKCS#11 library here does not know
│   └── VitaleUnreadable   vitale-unreadable        a Vitale card whose free files cannot be read here (Vitale 1, newer mask)
├── ReaderBusy             reader-busy              someone holds the card                                    (retry_after)
├── ReadersAlike           readers-alike            another reader of the same name holds a card: the PKCS#11 library could take either
├── CardTimeout            card-timeout             the card did not answer in time, before anything that counts was sent
├── OutcomeUnknown         card-outcome-unknown     a PIN or a signature was sent and no answer came: never sent again by itself
├── CardFault              card-fault               the card answered a status nobody expects
├── PinFault
│   ├── PinWrong           pin-wrong                                                                         (tries_left)
│   ├── PinAlreadyRefused  pin-already-refused      this very PIN was wrong for this card: the card was not asked
│   ├── LastTry            pin-last-try             one try left, and the caller did not accept to spend it   (tries_left)
│   ├── PinBlocked         pin-blocked                                                                       (tries_left = 0)
│   ├── PinMalformed       pin-malformed            not what a PIN of this card looks like: the card was not asked
│   ├── PinPadMissing      pin-pad-missing          no PIN in the call, and this reader has no pad
│   └── PinPadOnly         pin-pad-only             a PIN in the call, and this reader has a pad: never both ways
├── BatchFault
│   ├── BatchOver          batch-over               ended: time, number, removal, or closed
│   ├── BatchNotYours      batch-not-yours          opened by someone else
│   └── KeyUnfit           key-unfit                the card has no such key, or it does not take what was given
│       └── KeyAsksEachTime  key-asks-each-time     this key wants the PIN before each signature: refused
├── PartMissing
│   ├── TokenLibraryMissing  token-library-missing  no PKCS#11 library for CPx cards is configured, or it does not load
│   └── LicenceMissing       licence-missing        the licensed part that reads this is not installed
├── PartFault              part-fault               a library or plug-in outside the product failed, hung or answered nonsense
├── CallInvalid            device-call-invalid      a frame that is no call, or a call with impossible values
├── ProcessAway            device-process-away      the device process does not answer; on the gateway's side only     (retry_after)
└── DeviceDefect           device-defect            a defect of ours: told, never hidden

`technical` is for the log of the box: never a PIN, a card number, a name, a byte of a card's content or of a scan.
"""

from __future__ import annotations

from collections.abc import Iterator

from firmware.protocol import Failure


class DeviceError(Exception):
    """Base of all that leaves a module of `firmware` about a device."""

    code: str = "device-defect"

    def __init__(self, technical: str = "", *, tries_left: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(technical or self.code)
        self.technical = technical
        self.tries_left = tries_left
        """Of the PIN, when the card told it."""
        self.retry_after = retry_after
        """Seconds under which asking again makes no sense; None when time alone changes nothing."""

    @property
    def failure(self) -> Failure:
        """What goes over the socket."""
        return Failure(code=self.code, tries_left=self.tries_left, retry_after=self.retry_after, technical=self.technical)


class CardsUnavailable(DeviceError):
    """The box cannot drive readers at all: pyscard or its library is missing."""

    code = "cards-unavailable"


class ServiceDown(DeviceError):
    """PC/SC does not answer; the watcher tries again by itself."""

    code = "card-service-down"


class DeviceUnknown(DeviceError):
    """Nothing of that id is plugged in."""


class ReaderUnknown(DeviceUnknown):
    """No such reader is plugged in."""

    code = "reader-unknown"


class ScannerUnknown(DeviceUnknown):
    """No such scanner."""

    code = "scanner-unknown"


class CardNotThere(DeviceError):
    """The card that the caller means is not to be reached."""


class CardAbsent(CardNotThere):
    """The reader is empty."""

    code = "card-absent"


class CardChanged(CardNotThere):
    """Another insertion than the one the caller means: this is what keeps one doctor from signing with another's card."""

    code = "card-changed"


class CardMute(CardNotThere):
    """Upside down, half inserted, or dead."""

    code = "card-mute"


class CardUnsuited(DeviceError):
    """The card is not of the family that the call is about."""


class NotACpx(CardUnsuited):
    """The call is about a CPx card."""

    code = "not-a-cpx"


class NotAVitale(CardUnsuited):
    """The call is about a Vitale card."""

    code = "not-a-vitale"


class CardNotServed(CardUnsuited):
    """A CPx card, of a generation that the PKCS#11 library here does not know."""

    code = "card-not-served"


class VitaleUnreadable(CardUnsuited):
    """A Vitale card whose free files cannot be read here: Vitale 1, or a mask that refuses."""

    code = "vitale-unreadable"


class ReaderBusy(DeviceError):
    """Someone holds the card; `retry_after` says when to come back."""

    code = "reader-busy"


class ReadersAlike(DeviceError):
    """Another reader whose name begins alike holds a card: a PKCS#11 library could take it for this one. No PIN was presented."""

    code = "readers-alike"


class CardTimeout(DeviceError):
    """The card did not answer in time, and nothing that counts had been sent."""

    code = "card-timeout"


class OutcomeUnknown(DeviceError):
    """A PIN or a signature was sent and no answer came. Never sent again by the machine (cards.md 6, rule 3)."""

    code = "card-outcome-unknown"


class CardFault(DeviceError):
    """The card answered a status nobody expects."""

    code = "card-fault"


class PinFault(DeviceError):
    """The PIN did not open the card."""


class PinWrong(PinFault):
    """The card refused it; `tries_left` as it says."""

    code = "pin-wrong"


class PinAlreadyRefused(PinFault):
    """The very same PIN was wrong for this very card: the card was not asked again."""

    code = "pin-already-refused"


class LastTry(PinFault):
    """One try is left, and no person accepted to spend it."""

    code = "pin-last-try"


class PinBlocked(PinFault):
    """No try is left."""

    code = "pin-blocked"


class PinMalformed(PinFault):
    """Not what a PIN of this card looks like: the card was not asked."""

    code = "pin-malformed"


class PinPadMissing(PinFault):
    """No PIN in the call, and the reader has no pad."""

    code = "pin-pad-missing"


class PinPadOnly(PinFault):
    """The PIN came in the call, and the reader has a pad: it is typed there and nowhere else (cards.md 6, rule 7)."""

    code = "pin-pad-only"


class BatchFault(DeviceError):
    """Nothing can be signed within this batch."""


class BatchOver(BatchFault):
    """Ended: time, number of signatures, removal of the card, or closed."""

    code = "batch-over"


class BatchNotYours(BatchFault):
    """Opened by someone else."""

    code = "batch-not-yours"


class KeyUnfit(BatchFault):
    """The card has no such key, or it does not take what was given (digest, data, hash)."""

    code = "key-unfit"


class KeyAsksEachTime(KeyUnfit):
    """CKA_ALWAYS_AUTHENTICATE: the PIN would have to be kept over the batch, which is never done (cards.md 6, rule 1)."""

    code = "key-asks-each-time"


class PartMissing(DeviceError):
    """A part that is not of the product, and is not installed."""


class TokenLibraryMissing(PartMissing):
    """No PKCS#11 library for CPx cards is configured, or it does not load."""

    code = "token-library-missing"


class LicenceMissing(PartMissing):
    """The licensed part that would do this is not installed."""

    code = "licence-missing"


class PartFault(DeviceError):
    """A library or plug-in outside the product failed, hung, or answered nonsense."""

    code = "part-fault"


class CallInvalid(DeviceError):
    """A frame that is no call, or a call with impossible values."""

    code = "device-call-invalid"


class ProcessAway(DeviceError):
    """The device process is not there, or ended before it answered: what became of the call is unknown then. Never sent, always local."""

    code = "device-process-away"


class DeviceDefect(DeviceError):
    """A defect of ours: told, never hidden."""

    code = "device-defect"


def from_failure(failure: Failure) -> DeviceError:
    """The error that a Failure tells of, as the class of its code; a plain DeviceError with that code where the class is not known here."""
    kind = next((one for one in _descendants(DeviceError) if one.__dict__.get("code") == failure.code), None)
    error = DeviceError.__new__(kind or DeviceError)
    DeviceError.__init__(error, failure.technical, tries_left=failure.tries_left, retry_after=failure.retry_after)
    error.code = failure.code
    return error


def _descendants(kind: type[DeviceError]) -> Iterator[type[DeviceError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _descendants(one)
