"""What a person is told about readers and cards: of the tree of `kernel.errors`, one class for each code of `firmware.errors`.

Never a PIN, a card's number, a byte of its content. Sources: cards.md 1.6, 4.1 and 6.

Refused
├── ReaderUnknown            reader-unknown            404  no such reader is plugged in
├── ReaderNotPaired          reader-not-paired         403  no workstation says it is at this desk
├── ReaderOfAnother          reader-of-another         403  the reader of another workstation
├── CardAbsent               card-absent               409  the reader is empty
├── CardReplaced             card-replaced             409  another insertion than the one the caller means
├── CardMute                 card-mute                 409  upside down, half inserted, or dead
├── NotACpx, NotAVitale, CardNotServed, VitaleUnreadable    the card is not of the family, or not one that can be read here
├── ReadersAlike             readers-alike             409  another reader of the same name holds a card: no PIN was presented
├── CardTimeout, CardFault                             409  the card did not answer, or not as expected; nothing was done
├── CardOutcomeUnknown       card-outcome-unknown      409  a PIN or a signature was sent and no answer came: never sent again by itself
├── PinRequired              pin-required              401  no PIN in the request, and the reader has no pad
├── PinWrong                 pin-wrong                 403  (tries_left)
├── PinAlreadyRefused        pin-already-refused       403  this very PIN was wrong for this card: the card was not asked
├── LastTry                  last-try                  423  one try left, and no person accepted to spend it
├── CardBlocked              card-blocked              423
├── PinMalformed, PinPadOnly                           422
├── BatchOver, BatchNotYours, KeyUnfit                      the card signs no more, not for this caller, or not this
├── CardOfTest, CardOfProduction                                 409  the card is not of the environment of the box
├── HolderNotActor           card-of-another-person    409  the act is imputed to one professional, the card is another's
├── HolderUnknown            card-holder-unknown       409  nobody of the practice
└── TokenLibraryMissing, LicenceMissing, CardsUnavailable  501  a part that is not installed
TransientFault: CardServiceDown, ReaderBusy (503, Retry-After)
ConfigurationFault: CardPartFault, BillingMissing
"""

from __future__ import annotations

from typing import ClassVar

from firmware.errors import DeviceError
from gateway.flow.scanners.errors import DevicesSilent
from gateway.kernel.errors import ConfigurationFault, Refused, RelaisError, TransientFault

_DOCTOR, _DESK, _INSTALLER = "le professionnel", "le secrétariat", "votre installateur"


class CardRefused(Refused):
    """Base of what a reader, a card or a PIN refuses. `tries_left` of the PIN, when the card told it."""

    code: ClassVar[str] = "card-refused"
    status = 409
    title = "Carte refusée"
    who = _DOCTOR
    tries_left: int | None = None


class ReaderUnknown(CardRefused):
    """Nothing of that identifier is plugged in."""

    code = "reader-unknown"
    status = 404
    title = "Lecteur inconnu"
    who = _DESK
    what = "Ce lecteur de cartes n'est pas branché au boîtier."
    gesture = "Branchez-le, attendez quelques secondes, puis choisissez-le dans la liste des lecteurs."


class ReaderNotPaired(CardRefused):
    """A reader serves the workstation that said it stands beside it, and no other."""

    code = "reader-not-paired"
    status = 403
    title = "Lecteur associé à aucun poste"
    who = _DESK
    what = "Ce lecteur de cartes n'est associé à aucun poste : il ne peut pas encore servir."
    gesture = "Sur le poste à côté de ce lecteur, ouvrez « Lecteurs et cartes » et utilisez « C'est le lecteur de ce poste »."


class ReaderOfAnother(CardRefused):
    """The reader of another desk."""

    code = "reader-of-another"
    status = 403
    title = "Lecteur d'un autre poste"
    who = _DESK
    what = "Ce lecteur de cartes est associé à un autre poste."
    gesture = "Utilisez le lecteur de votre poste. Pour en changer, dissociez d'abord celui-ci depuis l'autre poste."


class CardAbsent(CardRefused):
    """The reader is empty."""

    code = "card-absent"
    title = "Pas de carte dans le lecteur"
    what = "Il n'y a pas de carte dans ce lecteur."
    gesture = "Insérez la carte, puce en avant, attendez qu'elle soit reconnue, puis recommencez."


class CardReplaced(CardRefused):
    """Another insertion: this is what keeps one doctor from signing with another's card."""

    code = "card-replaced"
    title = "La carte a changé"
    what = "La carte du lecteur n'est plus celle que vous aviez choisie : rien n'a été fait."
    gesture = "Vérifiez quelle carte est dans le lecteur, relisez-la, puis recommencez."


class CardMute(CardRefused):
    """Does not answer."""

    code = "card-mute"
    title = "Carte muette"
    what = "La carte ne répond pas : elle est à l'envers, mal enfoncée, ou abîmée."
    gesture = "Retirez-la, essuyez la puce, réinsérez-la puce en avant et à fond. Si cela continue, essayez une autre carte."


class NotACpx(CardRefused):
    """The act needs a professional's card."""

    code = "not-a-cpx"
    title = "Ce n'est pas une carte de professionnel"
    what = "Cette carte n'est pas une carte de professionnel (CPS, CPE)."
    gesture = "Insérez la carte du professionnel, puis recommencez."


class NotAVitale(CardRefused):
    """The act needs a patient's card."""

    code = "not-a-vitale"
    title = "Ce n'est pas une carte Vitale"
    who = _DESK
    what = "Cette carte n'est pas une carte Vitale."
    gesture = "Insérez la carte Vitale du patient, puis recommencez."


class CardNotServed(CardRefused):
    """A generation that the PKCS#11 library here does not know."""

    code = "card-not-served"
    status = 501
    title = "Modèle de carte non pris en charge"
    who = _INSTALLER
    what = "La bibliothèque de cartes installée sur ce boîtier ne connaît pas ce modèle de carte."
    gesture = "Faites installer la Cryptolib CPS de l'ANS, qui connaît les CPS3 et les CPS4."


class VitaleUnreadable(CardRefused):
    """Vitale 1, or a newer mask."""

    code = "vitale-unreadable"
    title = "Carte Vitale illisible sans composant agréé"
    who = _DESK
    what = "Les données libres de cette carte Vitale ne peuvent pas être lues par ce boîtier."
    gesture = "Saisissez l'identité d'après une pièce d'identité, ou lisez la carte avec votre logiciel agréé."


class CardTimeout(CardRefused):
    """Nothing that counts had been sent."""

    code = "card-timeout"
    title = "La carte n'a pas répondu à temps"
    what = "La carte n'a pas répondu à temps. Aucun code ne lui a été présenté."
    gesture = "Retirez la carte, réinsérez-la, puis recommencez."


class CardFault(CardRefused):
    """A status nobody expects."""

    code = "card-fault"
    title = "Réponse inattendue de la carte"
    what = "La carte a donné une réponse inattendue : rien n'a été fait."
    gesture = "Retirez la carte, réinsérez-la, puis recommencez. Si cela continue, essayez une autre carte."


class CardOutcomeUnknown(CardRefused):
    """Never sent again by the machine (cards.md 6, rule 3): no status that a client library repeats by itself."""

    code = "card-outcome-unknown"
    title = "Réponse de la carte perdue"
    what = "La réponse de la carte s'est perdue : le code a peut-être été compté comme un essai. Relais ne le présente pas de nouveau."
    gesture = "Regardez combien d'essais il reste dans « Lecteurs et cartes », puis décidez si vous recommencez."


class PinRequired(CardRefused):
    """No PIN in the body, and no pad."""

    code = "pin-required"
    status = 401
    title = "Code de la carte nécessaire"
    what = "Il faut le code de la carte pour cette opération."
    gesture = "Saisissez le code de la carte, puis recommencez."


class PinWrong(CardRefused):
    """The card refused it."""

    code = "pin-wrong"
    status = 403
    title = "Code de la carte faux"
    what = "La carte a refusé ce code. Essais restants : {tries}."
    gesture = "Vérifiez le code avant de le saisir de nouveau : la carte se bloque après le dernier essai."


class PinAlreadyRefused(CardRefused):
    """The card was not asked again."""

    code = "pin-already-refused"
    status = 403
    title = "Code déjà refusé par cette carte"
    what = "Cette carte a déjà refusé ce même code : Relais ne le lui a pas présenté, aucun essai n'a été perdu. Essais restants : {tries}."
    gesture = "Saisissez un autre code. Si vous n'êtes pas sûr, arrêtez-vous : la carte se bloque après le dernier essai."


class LastTry(CardRefused):
    """Nobody accepted to spend it."""

    code = "last-try"
    status = 423
    title = "Dernier essai du code"
    what = "Il ne reste qu'un essai avant que cette carte se bloque : le code ne lui a pas été présenté."
    gesture = "Si vous êtes certain du code, acceptez d'utiliser le dernier essai. Sinon, faites débloquer la carte."


class CardBlocked(CardRefused):
    """No try is left."""

    code = "card-blocked"
    status = 423
    title = "Carte bloquée"
    what = "Cette carte est bloquée : son code a été faux trop de fois."
    gesture = "Débloquez-la avec son code de déblocage, ou demandez à l'ANS comment faire. Relais ne peut pas la débloquer."


class PinMalformed(CardRefused):
    """Not what a PIN looks like."""

    code = "pin-malformed"
    status = 422
    title = "Code mal formé"
    what = "Ce n'est pas la forme du code d'une carte : il ne lui a pas été présenté."
    gesture = "Saisissez le code tel qu'il est : 4 chiffres le plus souvent, sans espace."


class PinPadOnly(CardRefused):
    """Rule 7: the pad, never both."""

    code = "pin-pad-only"
    status = 422
    title = "Code à saisir sur le lecteur"
    what = "Ce lecteur a son propre clavier : le code s'y saisit, et nulle part ailleurs."
    gesture = "Recommencez sans saisir le code ici, puis tapez-le sur le clavier du lecteur."


class BatchOver(CardRefused):
    """Time, number of signatures, removal."""

    code = "card-batch-over"
    title = "La carte s'est refermée"
    what = "La carte ne signe plus : le temps est écoulé, ou elle a été retirée."
    gesture = "Recommencez en saisissant le code de la carte."


class BatchNotYours(CardRefused):
    """Opened by somebody else."""

    code = "card-batch-not-yours"
    status = 403
    title = "Carte ouverte par un autre poste"
    what = "Cette carte a été ouverte par un autre poste ou une autre personne."
    gesture = "Attendez qu'il ait fini, puis recommencez."


class KeyUnfit(CardRefused):
    """No such key, or it does not take what was given."""

    code = "card-key-unfit"
    status = 422
    title = "Clé de la carte inadaptée"
    what = "La clé demandée de cette carte ne peut pas signer ce qui lui a été donné."
    gesture = "Donnez les données entières plutôt que leur empreinte (« data »), ou choisissez l'autre clé de la carte."


class CardOfTest(CardRefused):
    """Test and production never mix (design, rule 12)."""

    code = "test-card-in-production"
    title = "Carte de test"
    what = "Cette carte est une carte de TEST : elle ne peut rien signer sur un boîtier en production."
    gesture = "Insérez votre carte personnelle."


class CardOfProduction(CardRefused):
    """The reverse."""

    code = "real-card-in-test"
    title = "Carte réelle sur un boîtier de test"
    what = "Cette carte est une vraie carte de professionnel, et ce boîtier est un boîtier de test : il ne lui fait rien signer."
    gesture = "Utilisez une carte de test, ou un boîtier en production."


class HolderNotActor(CardRefused):
    """One professional acts, another's card signs."""

    code = "card-of-another-person"
    title = "Carte d'une autre personne"
    what = "La carte du lecteur n'est pas celle du professionnel à qui cet acte est imputé : rien n'a été signé."
    gesture = "Insérez votre carte, ou corrigez le professionnel indiqué."


class HolderUnknown(CardRefused):
    """INSi is called for the structure by one of its own."""

    code = "card-holder-unknown"
    title = "Titulaire inconnu du cabinet"
    what = "Le titulaire de cette carte n'est pas déclaré dans cette structure."
    gesture = "Utilisez la carte d'un professionnel déclaré, ou faites déclarer celui-ci dans relais.toml."


class TokenLibraryMissing(CardRefused):
    """Not configured, or it does not load."""

    code = "token-library-missing"
    status = 501
    title = "Bibliothèque de cartes absente"
    who = _INSTALLER
    what = "Ce boîtier voit les cartes, mais la bibliothèque qui permet de s'en servir n'est pas installée."
    gesture = "Faites installer la Cryptolib CPS de l'ANS ou OpenSC, et inscrire son chemin dans les réglages."


class LicenceMissing(CardRefused):
    """The GIE's part (cards.md 2.2)."""

    code = "licence-missing"
    status = 501
    title = "Lecture Vitale non installée"
    who = _INSTALLER
    what = "La lecture des droits d'une carte Vitale demande un composant sous licence du GIE SESAM-Vitale, qui n'est pas installé ici."
    gesture = "Lisez la carte avec votre logiciel agréé, ou faites installer ce composant par son éditeur."


class CardsUnavailable(CardRefused):
    """pyscard or its library is missing."""

    code = "cards-unavailable"
    status = 501
    title = "Lecteurs de cartes non pris en charge"
    who = _INSTALLER
    what = "Ce boîtier ne peut pas piloter de lecteur de cartes : un composant du système manque."
    gesture = "Faites installer pcscd et réinstaller Relais avec la prise en charge des cartes."


class DevicesOff(CardRefused):
    """`[devices]` says none."""

    code = "devices-off"
    status = 501
    title = "Lecteurs non activés"
    who = _INSTALLER
    what = "Les lecteurs ne sont pas activés sur ce boîtier."
    gesture = "Faites inscrire « start » dans la section [devices] de relais.toml, puis redémarrer Relais."


class CardServiceDown(TransientFault):
    """pcscd does not answer."""

    code = "card-service-down"
    title = "Service des cartes arrêté"
    who = _INSTALLER
    what = "Le service des cartes du boîtier (pcscd) ne répond pas. Relais essaie de le retrouver tout seul."
    gesture = "Attendez une minute, puis recommencez. Si cela continue, redémarrez le boîtier ou appelez votre installateur."


class ReaderBusy(TransientFault):
    """Someone holds the card."""

    code = "reader-busy"
    title = "Lecteur occupé"
    who = _DOCTOR
    what = "La carte est occupée par une autre opération."
    gesture = "Attendez qu'elle se termine, puis recommencez."


class ReadersAlike(CardRefused):
    """The library of the cards knows readers by their name alone, of which it has room for the beginning."""

    code = "readers-alike"
    title = "Deux lecteurs du même nom"
    who = _DESK
    what = (
        "Un autre lecteur du boîtier porte le même nom et contient aussi une carte de professionnel : la bibliothèque des cartes ne sait "
        "pas les distinguer. Aucun code n'a été présenté."
    )
    gesture = (
        "Retirez la carte de l'autre lecteur, puis recommencez. Pour se servir des deux à la fois, faites remplacer l'un par un autre "
        "modèle."
    )


class CardPartFault(ConfigurationFault):
    """A library or plug-in outside the product failed."""

    code = "card-part-fault"
    title = "Bibliothèque de cartes en défaut"
    what = "La bibliothèque de cartes installée sur ce boîtier n'a pas fonctionné."
    gesture = "Retirez puis réinsérez la carte et recommencez. Si cela continue, faites vérifier cette bibliothèque."


class BillingMissing(ConfigurationFault):
    """identifiantFacturation of the holder (insi.md 2.2)."""

    code = "billing-id-missing"
    title = "Identifiant de facturation manquant"
    what = "Le numéro de facturation de ce professionnel n'est pas réglé : INSi ne peut pas être interrogé avec sa carte."
    gesture = "Faites renseigner « billing_id » pour ce professionnel, ou pour la structure, dans relais.toml."


class DeviceDefect(RelaisError):
    """A defect of ours, told."""

    code = "device-defect"
    title = "Défaut du service des lecteurs"
    what = "Le service des lecteurs a rencontré un défaut."
    gesture = "Donnez ce code à votre installateur : device-defect."


_BY_CODE: dict[str, type[RelaisError]] = {
    "cards-unavailable": CardsUnavailable,
    "card-service-down": CardServiceDown,
    "reader-unknown": ReaderUnknown,
    "card-absent": CardAbsent,
    "card-changed": CardReplaced,
    "card-mute": CardMute,
    "not-a-cpx": NotACpx,
    "not-a-vitale": NotAVitale,
    "card-not-served": CardNotServed,
    "vitale-unreadable": VitaleUnreadable,
    "reader-busy": ReaderBusy,
    "readers-alike": ReadersAlike,
    "card-timeout": CardTimeout,
    "card-outcome-unknown": CardOutcomeUnknown,
    "card-fault": CardFault,
    "pin-wrong": PinWrong,
    "pin-already-refused": PinAlreadyRefused,
    "pin-last-try": LastTry,
    "pin-blocked": CardBlocked,
    "pin-malformed": PinMalformed,
    "pin-pad-missing": PinRequired,
    "pin-pad-only": PinPadOnly,
    "batch-over": BatchOver,
    "batch-not-yours": BatchNotYours,
    "key-unfit": KeyUnfit,
    "key-asks-each-time": KeyUnfit,
    "token-library-missing": TokenLibraryMissing,
    "licence-missing": LicenceMissing,
    "part-fault": CardPartFault,
    "device-process-away": DevicesSilent,
}
_ABOUT_PIN = (PinRequired, PinMalformed, PinPadOnly, PinWrong, PinAlreadyRefused, LastTry)


def card_error(problem: DeviceError) -> RelaisError:
    """What a person is told of a failure of the device process; DeviceDefect for a code that nobody gave words to."""
    kind = _BY_CODE.get(problem.code, DeviceDefect)
    tries = problem.tries_left
    field = "pin" if issubclass(kind, _ABOUT_PIN) else None
    error = kind(problem.technical, field=field, tries="inconnu" if tries is None else tries)
    if isinstance(error, CardRefused):
        error.tries_left = tries
    if problem.retry_after is not None:
        error.least_wait = problem.retry_after
    return error
