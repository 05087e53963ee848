"""What INSi can answer other than a result, and what the box refuses by itself, each with its gesture (insi.md 3.7, error_codes.csv).

FromInsi
├── InsiUnavailable          transient       desir_1020, siram_40, 429, 502, 503, 504: the service or one of its branches is down
├── InsiInternalError        transient       a fault that puts the blame on the service (Receiver) and that no row knows
├── InsiUnreadable           transient       an answer that is no SOAP, or no result
├── InsiUnreachable          transient       no connection was made
├── InsiAnswerLost           transient       the request left, no answer came: a question is simply asked again
├── InsiPaused               transient       the box leaves the service alone after repeated failures: nothing was sent
├── InsiSoftwareUnknown      configuration   desir_550: the authorisation number of the cabinet software
├── InsiSoftwareRefused      configuration   another siram_100
├── InsiAccessRefused        configuration   desir_560: the name of the certificate
├── InsiAddressRefused       configuration   3xx, 401, 403, 404, 405, 407, 410 without a fault: not the service that was meant
├── InsiTlsRefused           configuration   the TLS session was refused, by us or by them (case A26)
├── InsiNotConfigured        configuration   no address, or no software with a number
├── InsiRefused              permanent       a fault that puts the blame on the request (Sender) and that no row knows
├── InsiResultUnknown        permanent       a result code other than 00, 01 and 02
├── InsiKeyWrong             human           the matricule given cannot be right (case A16): alert, nothing stored
├── InsiAuthorityRefused     human           an OID this box may not use (case A30)
├── InsiNotFoundOrDown       human           insi_101, insi_102 of the editors' platform: nobody of that name, or base down (case A19)
└── VerificationOff          permanent       WS_INS3 is not switched on
InjectionForbidden           configuration   answers from files on a production box: nothing starts

`answer` holds the whole answer for the encrypted record of the call and `message_id` what the service knows the call by; nothing of an
answer is in a message: it may name a patient.
"""

from __future__ import annotations

from gateway.kernel.errors import ConfigurationFault, Held, PermanentFault, Refused, RelaisError, TransientFault
from gateway.wire.http import TlsRefused

_WAIT = "Aucune action : Relais interrogera de nouveau le téléservice. Si c'est urgent, réessayez dans quelques minutes."
_CALL = "Signalez le code de cette erreur à votre installateur."
_OFFICE = "le secrétariat"


class FromInsi(RelaisError):
    """A call to INSi that gave no result; `message_id` is empty when no call was announced."""

    answer: bytes = b""
    message_id: str = ""


class InsiUnavailable(FromInsi, TransientFault):
    """desir_1020, any siram_40 (insi_101 and insi_102 in production), and front ends that answer for an absent service."""

    code = "insi-unavailable"
    what = "Le téléservice INSi est momentanément indisponible."
    gesture = _WAIT


class InsiInternalError(FromInsi, TransientFault):
    """A Receiver fault without a row in the table."""

    code = "insi-internal-error"
    most_attempts = 5
    what = "Le téléservice INSi a rencontré une erreur interne."
    gesture = _WAIT


class InsiUnreadable(FromInsi, TransientFault):
    """200 without SOAP, broken XML, an oversized answer, or a result without what a result must have."""

    code = "insi-answer-unreadable"
    most_attempts = 5
    what = "Le téléservice INSi a renvoyé une réponse illisible."
    gesture = _WAIT


class InsiUnreachable(FromInsi, TransientFault):
    """No connection: nothing was sent."""

    code = "insi-unreachable"
    what = "Le téléservice INSi ne répond pas : il est en panne, ou la ligne Internet est coupée."
    gesture = _WAIT


class InsiAnswerLost(FromInsi, TransientFault):
    """Time ran out, or the connection broke after the request left. INSi only reads: asking again changes nothing there [K]."""

    code = "insi-answer-lost"
    what = "La réponse du téléservice INSi s'est perdue en route."
    gesture = _WAIT


class InsiPaused(FromInsi, TransientFault):
    """Too many failures in a row: calls wait until the next trial; `least_wait` says for how long."""

    code = "insi-paused"
    what = "Le téléservice INSi est en panne : Relais le laisse souffler quelques instants avant de l'interroger de nouveau."
    gesture = _WAIT


class InsiSoftwareUnknown(FromInsi, ConfigurationFault):
    """desir_550: the queue of that software stops, the others go on (case A17)."""

    code = "insi-software-unknown"
    what = "Le téléservice INSi ne reconnaît pas le numéro d'autorisation CNDA du logiciel « {software} »."
    gesture = "Demandez à votre installateur de vérifier le numéro d'autorisation (IDAM) de ce logiciel dans la configuration de Relais."


class InsiSoftwareRefused(FromInsi, ConfigurationFault):
    """siram_100 with another detail."""

    code = "insi-software-refused"
    what = "Le téléservice INSi n'autorise pas le logiciel « {software} »."
    gesture = "Demandez à votre installateur de vérifier, avec l'éditeur, l'autorisation CNDA de ce logiciel (numéro, nom et version)."


class InsiAccessRefused(FromInsi, ConfigurationFault):
    """desir_560: the CN of the certificate is not INSI-MANU or INSI-AUTO."""

    code = "insi-access-refused"
    what = "Le téléservice INSi refuse le certificat de la structure : son nom doit être exactement INSI-MANU ou INSI-AUTO."
    gesture = "Demandez à votre installateur d'importer les certificats INSi de la structure (service applicatif INSI-MANU et INSI-AUTO)."


class InsiAddressRefused(FromInsi, ConfigurationFault):
    """A page of a front end instead of the service."""

    code = "insi-address-refused"
    what = "L'adresse configurée ne répond pas comme le téléservice INSi."
    gesture = "Demandez à votre installateur de vérifier l'adresse du téléservice INSi dans la configuration de Relais."


class InsiTlsRefused(FromInsi, TlsRefused):
    """The server is not the one expected, or it does not want our certificate."""

    code = "insi-tls-refused"
    what = "La connexion sécurisée avec le téléservice INSi a été refusée : un certificat est expiré, révoqué ou inattendu."
    gesture = "Demandez à votre installateur de vérifier les certificats INSi de la structure, les autorités et l'heure du boîtier."


class InsiNotConfigured(FromInsi, ConfigurationFault):
    """`missing` says what of the section [insi] is not there."""

    code = "insi-not-configured"
    what = "Le téléservice INSi n'est pas configuré dans Relais : il manque {missing}."
    gesture = "Demandez à votre installateur de compléter la partie INSi de la configuration de Relais."


class InsiRefused(FromInsi, PermanentFault):
    """A Sender fault without a row in the table, or a refused request without a fault."""

    code = "insi-refused"
    who = "votre installateur"
    what = "Le téléservice INSi a refusé la demande pour une raison que Relais ne connaît pas."
    gesture = _CALL


class InsiResultUnknown(FromInsi, PermanentFault):
    """A result code that is none of the three; `label` is what INSi says of it, for the screen of who asked and never for a log."""

    code = "insi-result-unknown"
    who = "votre installateur"
    what = "Le téléservice INSi a donné un résultat que Relais ne connaît pas (code {result})."
    gesture = _CALL
    label: str = ""


class InsiKeyWrong(FromInsi, Held):
    """The key is not that of the number, or no key could be: the whole identity is refused."""

    code = "insi-key-wrong"
    title = "Matricule INS faux"
    what = "Le matricule INS donné par le téléservice est faux : sa clé ne correspond pas. Rien n'a été enregistré."
    gesture = "N'utilisez pas ce matricule. Signalez le code de cette erreur à votre installateur, qui préviendra l'assistance INSi."
    who = _OFFICE


class InsiAuthorityRefused(FromInsi, Held):
    """An unknown OID, or a test authority in production (insi.md 3.2)."""

    code = "insi-authority-refused"
    title = "INS inutilisable"
    what = "L'INS donnée par le téléservice n'est pas utilisable sur ce boîtier : c'est une INS de test, ou son origine est inconnue."
    gesture = "N'utilisez pas cette INS. Demandez à votre installateur de vérifier l'adresse du téléservice INSi."
    who = _OFFICE


class InsiNotFoundOrDown(FromInsi, Held):
    """The editors' platform cannot answer 01: "not found" comes as a technical fault there (insi.md 0.5). Never in production."""

    code = "insi-not-found-or-down"
    title = "Identité introuvable ou base indisponible"
    what = "Plateforme de qualification : aucune identité trouvée, ou base indisponible. Cette plateforme ne distingue pas les deux."
    gesture = "Vérifiez les traits saisis, puis réessayez plus tard."
    who = _OFFICE


class VerificationOff(FromInsi, Refused):
    """`Insi.verification` is false: the contract of WS_INS3 is not public, it is reconstructed [R]."""

    code = "insi-verification-off"
    title = "Vérification directe non activée"
    what = "La vérification directe d'une INS n'est pas activée sur ce boîtier."
    gesture = "Recherchez l'identité par ses traits : Relais compare ensuite les deux INS."
    who = _OFFICE


class InjectionForbidden(ConfigurationFault):
    """`Insi.injection` on a box in production (insi.md 6)."""

    code = "insi-injection-forbidden"
    what = "L'injection de réponses INSi d'essai est interdite sur un boîtier en production."
    gesture = "Retirez « injection » de la partie INSi de la configuration, puis redémarrez Relais."
