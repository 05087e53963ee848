"""What can go wrong between us and a submission server; the type says whether the lane or one delivery is concerned.

SmtpFault                          any of them; `reply` is the server's answer, for the proof only
├── OperatorFault                  the lane: every mail of this mailbox would meet it
│   ├── OperatorUnavailable        no connection, time-out, cut before the content, 421 anywhere   transient
│   ├── OperatorTlsRefused         their chain, name or date; or our certificate                   configuration
│   │   └── StartTlsMissing        no STARTTLS: nothing is said in clear                           configuration
│   ├── ClientRefused              authentication refused (530, 535, 538), service refused         configuration
│   └── SenderRefused              MAIL refused: the mailbox is not ours to send from              configuration
├── SmtpTransient                  this delivery, later
│   ├── RecipientDeferred          RCPT 4yz
│   └── MailDeferred               DATA or content 4yz
├── SmtpPermanent                  this delivery, never as it is
│   ├── RecipientRefused           RCPT 5yz
│   ├── MailRefused                DATA or content 5yz, policy, virus, format
│   └── TooLargeForOperator        SIZE announced, 552, 5.3.4
└── SmtpOutcomeUnknown             content left, no readable answer: perhaps accepted

`technical` holds the step, the code and the enhanced status, never the server's text. Source: mssante.md 7.1 (mapping), 7.2 (traps).
"""

from __future__ import annotations

from gateway.kernel.errors import ConfigurationFault, OutcomeUnknown, PermanentFault, RelaisError, TransientFault
from gateway.wire.smtp_reply import SmtpReply

_CHECK_SETTINGS = "Demandez à votre installateur de vérifier la boîte, le serveur et le certificat de la structure ; rien n'est perdu."


class SmtpFault(RelaisError):
    """Base of what a submission server, or the way to it, answers badly."""

    reply: SmtpReply | None = None


class OperatorFault(SmtpFault):
    """Concerns the whole lane: to try another mail would meet the same."""


class OperatorUnavailable(OperatorFault, TransientFault):
    """Nothing of a mail left, or the server said it takes none now."""

    code = "operator-unavailable"
    what = "L'opérateur de messagerie sécurisée ne répond pas : il est en panne, ou la ligne Internet est coupée."
    gesture = "Aucune action : l'envoi reprendra tout seul dès que l'opérateur répondra."


class OperatorTlsRefused(OperatorFault, ConfigurationFault):
    """The TLS session was refused, by us or by them; never downgraded."""

    code = "operator-tls-refused"
    what = "La connexion sécurisée avec l'opérateur de messagerie a été refusée : un certificat est expiré, révoqué ou inattendu."
    gesture = "Demandez à votre installateur de vérifier les certificats de la structure et l'heure du boîtier ; rien n'est perdu."


class StartTlsMissing(OperatorTlsRefused):
    """The server does not offer STARTTLS, or refuses it."""

    code = "operator-starttls-missing"
    what = "Le serveur de messagerie ne propose pas de connexion sécurisée : rien ne lui a été envoyé."
    gesture = "Demandez à votre installateur de vérifier l'adresse du serveur ; si elle est juste, prévenez l'opérateur."


class ClientRefused(OperatorFault, ConfigurationFault):
    """The server does not take us for an authorised client."""

    code = "operator-client-refused"
    what = "L'opérateur de messagerie ne reconnaît pas le boîtier comme autorisé à envoyer."
    gesture = _CHECK_SETTINGS


class SenderRefused(OperatorFault, ConfigurationFault):
    """The sender is not a mailbox that our certificate may use."""

    code = "operator-sender-refused"
    what = "L'opérateur de messagerie refuse l'adresse d'expédition de la structure."
    gesture = _CHECK_SETTINGS


class SmtpTransient(SmtpFault, TransientFault):
    """The server puts this delivery off."""

    code = "mail-deferred"
    item_only = True
    what = "L'opérateur de messagerie remet cet envoi à plus tard."


class RecipientDeferred(SmtpTransient):
    """RCPT 4yz."""

    code = "mail-recipient-deferred"
    what = "La boîte du destinataire est momentanément indisponible."


class MailDeferred(SmtpTransient):
    """DATA or content 4yz: the same bytes go again, with the same Message-ID."""


class SmtpPermanent(SmtpFault, PermanentFault):
    """The server refuses this delivery for good."""

    code = "mail-refused"
    what = "L'opérateur de messagerie a refusé ce courriel."
    gesture = "Transmettez le document par un autre moyen et signalez ce refus à votre installateur."


class RecipientRefused(SmtpPermanent):
    """RCPT 5yz: unknown, closed or forbidden mailbox."""

    code = "mail-recipient-refused"
    who = "le secrétariat"
    what = "L'adresse du destinataire est inconnue de l'opérateur, ou sa boîte est fermée."
    gesture = "Vérifiez l'adresse de ce correspondant dans l'annuaire, puis renvoyez-lui le document."


class MailRefused(SmtpPermanent):
    """DATA or content 5yz."""


class TooLargeForOperator(SmtpPermanent):
    """Over the size that the server or the destination takes."""

    code = "mail-too-large"
    what = "Le courriel est trop volumineux pour la messagerie sécurisée (limite : {limit})."
    gesture = "Allégez le PDF (moins de pages, images moins lourdes) ou envoyez-le en plusieurs documents."

    def __init__(self, technical: str = "", *, limit_bytes: int | None = None, field: str | None = None) -> None:
        limit = "celle de l'opérateur" if limit_bytes is None else f"{limit_bytes / 1_000_000:.1f} Mo".replace(".", ",")
        super().__init__(technical, field=field, limit=limit, limit_bytes=limit_bytes)


class SmtpOutcomeUnknown(SmtpFault, OutcomeUnknown):
    """Some of the content left and no readable answer came: the server may have stored the mail (mssante.md 7.2, 7.3)."""

    code = "mail-outcome-unknown"
    what = "La réponse de l'opérateur de messagerie s'est perdue : le courriel est peut-être parti."
    gesture = "Aucune action : Relais le renverra à l'identique après un délai, et un double éventuel sera reconnu par le destinataire."
