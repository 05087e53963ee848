"""The one family of errors of Relais, and what a person is told of them.

RelaisError
├── Refused              what a caller handed in is refused: nothing is kept      (permanent, 4xx)
├── Held                 accepted, but a person must act before it can leave      (human)
├── TransientFault       will pass by itself: retried                            (transient)
├── PermanentFault       will never pass as it is: the delivery ends refused     (permanent)
├── ConfigurationFault   certificate, key, address or setting is wrong           (configuration)
└── OutcomeUnknown       the request left, the answer did not come: reconcile    (unknown)

Each concrete error is a class in the room that raises it, with a stable kebab-case `code`, a French sentence
(`what`), a gesture (`gesture`) and the person concerned (`who`). Texts may hold {placeholders} filled by `**facts`;
a fact is never a health datum (no name, INS, address, title). `technical` is for the log of the box only.
"""

from __future__ import annotations

import enum
from typing import ClassVar

import msgspec


class ErrorClass(enum.StrEnum):
    """What the queue does with an error; the only thing retry policy looks at (design, rule 9)."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    CONFIGURATION = "configuration"
    HUMAN = "human"
    UNKNOWN = "unknown"


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What a person reads about a delivery that has not simply left: stable code, who acts, what happened, next gesture."""

    code: str
    who: str
    what: str
    gesture: str


class RelaisError(Exception):
    """Base of every error that leaves a module of Relais. Subclasses fill the class attributes."""

    code: ClassVar[str] = "internal-error"
    error_class: ClassVar[ErrorClass] = ErrorClass.HUMAN
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Erreur interne"
    who: ClassVar[str] = "votre installateur"
    what: ClassVar[str] = "Une erreur interne est survenue."
    gesture: ClassVar[str] = "Contactez votre installateur en lui donnant le code de cette erreur."
    item_only: ClassVar[bool] = False
    """True when the trouble is this item's, not its destination's: it says nothing of the lane's health."""
    leaves_doubt: ClassVar[bool] = False
    """True when an answer to what was sent does not say that nothing of it was taken."""
    most_attempts: ClassVar[int | None] = None
    """Attempts after which a person is asked, for errors that repetition alone rarely cures."""

    def __init__(self, technical: str = "", *, field: str | None = None, **facts: object) -> None:
        super().__init__(technical or self.code)
        self.technical = technical
        self.field = field
        self.facts = facts
        self.least_wait = 0.0
        """Seconds under which a repetition makes no sense for this very error, whatever the policy of its class."""

    @property
    def explanation(self) -> Explanation:
        """The French explanation with its facts filled in."""
        return Explanation(
            code=self.code,
            who=self._told(self.who),
            what=self._told(self.what),
            gesture=self._told(self.gesture),
        )

    def _told(self, text: str) -> str:
        return text.format_map(_Facts(self.facts))


class _Facts(dict[str, object]):
    """A fact nobody gave must not turn an explanation into a second error."""

    def __missing__(self, name: str) -> str:
        return "…"


class Refused(RelaisError):
    """What a caller handed in cannot be accepted; nothing is kept."""

    code = "invalid-request"
    error_class = ErrorClass.PERMANENT
    status = 422
    title = "Demande refusée"
    who = "l'éditeur du logiciel métier"
    what = "La demande n'est pas recevable."
    gesture = "Corrigez le champ indiqué, puis renvoyez la demande."


class Held(RelaisError):
    """Accepted and kept, but a person must act before it can leave."""

    code = "held"
    error_class = ErrorClass.HUMAN
    status = 409
    title = "En attente d'une action"
    who = "le secrétariat"


class TransientFault(RelaisError):
    """Will pass by itself; the queue tries again."""

    code = "transient-fault"
    error_class = ErrorClass.TRANSIENT
    status = 503
    title = "Service momentanément indisponible"
    who = "personne"
    what = "Le service appelé ne répond pas pour le moment."
    gesture = "Aucune action : l'envoi reprendra tout seul."


class PermanentFault(RelaisError):
    """Will never pass as it is."""

    code = "permanent-fault"
    error_class = ErrorClass.PERMANENT
    status = 422
    title = "Envoi refusé"
    who = "le professionnel"


class ConfigurationFault(RelaisError):
    """A certificate, key, address or setting of the box is wrong; the lane stops until it is mended."""

    code = "configuration-fault"
    error_class = ErrorClass.CONFIGURATION
    status = 503
    title = "Configuration à corriger"
    who = "votre installateur"


class OutcomeUnknown(RelaisError):
    """The request left and no answer came: it may have been done. Reconciled by a query before any resend."""

    code = "outcome-unknown"
    error_class = ErrorClass.UNKNOWN
    status = 503
    title = "Issue inconnue"
    who = "personne"
    what = "La réponse du service s'est perdue : l'envoi est peut-être arrivé."
    gesture = "Aucune action : Relais vérifie auprès du service avant de renvoyer."
