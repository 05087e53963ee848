"""What the DMP can answer other than yes, each with the person concerned and the gesture (dmp.md section 6, tables/error_codes.csv).

FromDmp
├── DmpBusy                 transient       overloaded, out of resources, registry not reachable
├── DmpUnavailable          transient       maintenance, front end down: nothing was committed
├── DmpInternalError        transient       generic error of the DMP
├── DmpTargetUnknown        transient       the entry to replace is no longer known under that id: read it again
├── FormerSignatureRefused  transient       a lot signed under a former certificate was refused: signed anew
├── TokenRefused            transient       VIHF too old or seen before: minted again once, by the client itself
├── DuplicateRefusal        unknown         the lot id is already there: look whether our document is
├── FeedUnsettled           unknown         an answer that does not say whether the lot was taken
├── DmpMetadataRefused, DmpDocumentRefused, DmpLotMalformed, DmpPatientMismatch, DmpPatientUnknown, InstitutionMismatch,
│   DmpTooLarge             permanent
├── CertificateRefused, StructureUnknown, StructureMismatch, HomologationRefused, AddressRefused    configuration
└── NoDmp, DmpClosed, AuthorNotLinked, SpecialtyMissing, RightsRefused, ContentDiffers, TargetNotCurrent, UpdateRefused, PartialAnswer,
    RefusedUnknown          human
ClockNotTrusted             configuration   of kernel.clock: nothing is signed or sent by a box that may have the wrong time

`answer` holds the whole answer for the encrypted proof; nothing of it is in a message, it may name a patient.
"""

from __future__ import annotations

from gateway.kernel.errors import ConfigurationFault, Held, OutcomeUnknown, PermanentFault, RelaisError, TransientFault

_WAIT = "Aucune action : l'envoi reprendra tout seul."
_INSTALLER = "votre installateur"
_MANAGER = "le responsable de la structure"
_CALL = "Signalez le code de cette erreur à votre installateur : le document est gardé."


class FromDmp(RelaisError):
    """Something the DMP answered."""

    answer: bytes = b""


class DmpBusy(FromDmp, TransientFault):
    """XDSRegistryBusy, XDSRepositoryBusy, OutOfResources, NotAvailable."""

    code = "dmp-busy"
    what = "Le DMP est surchargé pour le moment."
    gesture = _WAIT


class DmpUnavailable(FromDmp, TransientFault):
    """HTTP 503, 429, or a front end that answers for an absent service."""

    code = "dmp-unavailable"
    what = "Le DMP est indisponible ou en maintenance."
    gesture = _WAIT


class DmpInternalError(FromDmp, TransientFault):
    """XDSRegistryError, XDSRepositoryError or a technical fault: internal to the DMP."""

    code = "dmp-internal-error"
    item_only = True
    most_attempts = 5
    what = "Le DMP a rencontré une erreur interne."
    gesture = _WAIT


class DmpTargetUnknown(FromDmp, TransientFault):
    """UnresolvedReferenceException: entryUUIDs change at every metadata update (fact 7 of dmp.md); the lot must be rebuilt."""

    code = "dmp-target-unknown"
    item_only = True
    what = "Le document à remplacer a changé de référence dans le DMP."
    gesture = "Aucune action : Relais relit la référence et renvoie le document."


class FormerSignatureRefused(FromDmp, TransientFault):
    """A lot signed under another certificate than the one in use was refused whole: it is signed anew (dmp.md 3.7: a rebuilt lot)."""

    code = "dmp-former-signature"
    item_only = True
    what = "Ce document avait été signé avec un ancien certificat de la structure, que le DMP n'accepte plus."
    gesture = "Aucune action : Relais signe de nouveau le document avec le certificat en service, et le renvoie."


class TokenRefused(FromDmp, TransientFault):
    """The VIHF was too old, in the future, or already used (EX_AIR-040)."""

    code = "dmp-token-refused"
    what = "Le DMP a refusé le jeton d'identification, jugé périmé ou déjà utilisé."
    gesture = _WAIT


class DuplicateRefusal(FromDmp, OutcomeUnknown):
    """XDSDuplicateUniqueIdInRegistry: a success when the document is found there, else the lot is rebuilt with a new id."""

    code = "dmp-duplicate-lot"
    item_only = True
    what = "Le DMP dit avoir déjà reçu cet envoi."
    gesture = "Aucune action : Relais vérifie que le document s'y trouve bien."


class FeedUnsettled(FromDmp, OutcomeUnknown):
    """502, 504, a bare 500 or an unreadable answer to a feed: the lot may have been taken."""

    code = "dmp-answer-unreadable"
    what = "Le DMP a renvoyé une réponse illisible : le document y est peut-être déjà."
    gesture = "Aucune action : Relais vérifie auprès du DMP avant de renvoyer."


class QueryUnreadable(FromDmp, TransientFault):
    """The same for a query, which can simply be asked again."""

    code = "dmp-query-unreadable"
    what = "Le DMP a renvoyé une réponse illisible."
    gesture = _WAIT


class DmpMetadataRefused(FromDmp, PermanentFault):
    """XDSRegistryMetadataError, XDSRepositoryMetadataError: a code, a format or a cardinality."""

    code = "dmp-metadata-refused"
    who = _INSTALLER
    what = "Le DMP a refusé la description du document (type, spécialité, structure ou confidentialité)."
    gesture = "Vérifiez avec votre installateur le type du document et la fiche de l'auteur, puis renvoyez le document."


class DmpDocumentRefused(FromDmp, PermanentFault):
    """InvalidDocumentContent."""

    code = "dmp-document-refused"
    who = "l'éditeur du logiciel métier"
    what = "Le DMP a refusé le contenu du document."
    gesture = "Faites vérifier le document par l'éditeur du logiciel métier, puis renvoyez-le."


class DmpLotMalformed(FromDmp, PermanentFault):
    """Missing document or entry, duplicate id in the message, bad query: a fault of this product."""

    code = "dmp-lot-malformed"
    who = _INSTALLER
    what = "Le DMP a jugé l'envoi mal construit : c'est une anomalie de Relais."
    gesture = _CALL


class DmpPatientMismatch(FromDmp, PermanentFault):
    """XDSPatientIdDoesNotMatch."""

    code = "dmp-patient-mismatch"
    who = "le secrétariat"
    what = "Le document remplacé n'est pas celui du même patient dans le DMP."
    gesture = "Vérifiez l'identité du patient et le document à remplacer dans le logiciel métier."


class DmpPatientUnknown(FromDmp, PermanentFault):
    """XDSUnknownPatientId although the existence test says the DMP is open: the INS is to be reviewed."""

    code = "dmp-patient-unknown"
    who = "le secrétariat"
    what = "Le DMP ne reconnaît pas l'INS de ce patient."
    gesture = "Faites vérifier l'INS du patient (nouvel appel INSi), puis renvoyez le document."


class InstitutionMismatch(FromDmp, PermanentFault):
    """The author's institution in the lot is not the structure of the VIHF."""

    code = "dmp-institution-mismatch"
    who = _INSTALLER
    what = "La structure écrite dans le document n'est pas celle qui l'envoie au DMP."
    gesture = "Vérifiez l'identifiant de la structure dans Relais et dans le logiciel métier, puis renvoyez le document."


class DmpTooLarge(FromDmp, PermanentFault):
    """HTTP 413."""

    code = "dmp-too-large"
    what = "Le document est trop volumineux pour le DMP."
    gesture = "Réduisez la taille du document (moins de pages, numérisation plus légère), puis renvoyez-le."


class CertificateRefused(FromDmp, ConfigurationFault):
    """DMPInvalidCertificate: the VIHF was not signed by an acceptable signature certificate."""

    code = "dmp-certificate-refused"
    what = "Le DMP refuse le certificat de signature de la structure."
    gesture = "Demandez à votre installateur de vérifier le certificat ORG SIGN de la structure (type, date, révocation)."


class StructureUnknown(FromDmp, ConfigurationFault):
    """The national directory does not know the structure, or holds it inactive."""

    code = "dmp-structure-unknown"
    what = "L'annuaire national ne connaît pas la structure, ou la dit inactive."
    gesture = "Faites vérifier l'identifiant de la structure (FINESS, SIRET ou RPPS-rang) et son enregistrement auprès de l'ANS."


class StructureMismatch(FromDmp, ConfigurationFault):
    """Certificate, issuer and Identifiant_Structure do not go together, or the mode is wrong."""

    code = "dmp-structure-mismatch"
    what = "Le DMP n'a pas reconnu la structure : son identifiant ne correspond pas à ses certificats."
    gesture = "Demandez à votre installateur de comparer l'identifiant de la structure et celui de ses certificats."


class HomologationRefused(FromDmp, ConfigurationFault):
    """The homologation number is absent or unknown to the DMP."""

    code = "dmp-homologation-refused"
    what = "Le DMP ne reconnaît pas le numéro d'homologation de Relais."
    gesture = "Demandez à votre installateur de vérifier le numéro d'homologation enregistré dans le boîtier."


class AddressRefused(FromDmp, ConfigurationFault):
    """HTTP 3xx, 401, 403, 404, 405: not the service that was meant."""

    code = "dmp-address-refused"
    what = "L'adresse configurée ne répond pas comme le DMP."
    gesture = "Demandez à votre installateur de vérifier l'adresse du DMP dans la configuration de Relais."


class NoDmp(FromDmp, Held):
    """TD0.2 answers NF: no DMP for this INS. Not an error; asked again at the next consultation only (dmp.md 6.2)."""

    code = "no-dmp"
    title = "Pas de DMP"
    what = "Ce patient n'a pas de DMP (il n'en a pas encore, ou s'y est opposé)."
    gesture = "Rien à corriger. Si le patient ouvre Mon espace santé plus tard, relancez l'envoi ; sinon, abandonnez cet envoi."


class DmpClosed(FromDmp, Held):
    """TD0.2 answers a terminated patient: the DMP was closed."""

    code = "dmp-closed"
    title = "DMP fermé"
    what = "Le DMP de ce patient a été fermé."
    gesture = "Rien à corriger. Si le patient rouvre Mon espace santé, relancez l'envoi ; sinon, abandonnez cet envoi."


class AuthorNotLinked(FromDmp, Held):
    """The professional has no activity in this structure in the national directory."""

    code = "dmp-author-not-linked"
    who = _MANAGER
    what = "L'annuaire national ne rattache pas ce professionnel à la structure."
    gesture = "Faites vérifier ses activités dans le répertoire RPPS (Ordre ou ANS), puis relancez l'envoi."


class SpecialtyMissing(FromDmp, Held):
    """Role 2 (SMxx) is absent for a doctor."""

    code = "dmp-specialty-missing"
    who = _MANAGER
    what = "La spécialité du médecin manque ou n'est pas reconnue."
    gesture = "Complétez la spécialité dans la fiche du professionnel, puis relancez l'envoi."


class RightsRefused(FromDmp, Held):
    """The rights matrix forbids the act, or the patient blocked the professional."""

    code = "dmp-rights-refused"
    who = "le professionnel"
    what = "Le DMP n'autorise pas cet envoi : le patient ou les règles d'accès s'y opposent."
    gesture = "Voyez avec le patient s'il a bloqué un accès ; sinon, signalez le code de cette erreur à votre installateur."


class ContentDiffers(FromDmp, Held):
    """XDSNonIdenticalHash or Size: the uniqueId is there with another content. Never overwritten."""

    code = "dmp-content-differs"
    who = _INSTALLER
    what = "Le DMP contient déjà un autre document sous le même identifiant."
    gesture = "Ne renvoyez pas ce document tel quel : envoyez-en une nouvelle version qui remplace la première."


class TargetNotCurrent(FromDmp, Held):
    """XDSRegistryDeprecatedDocumentError, XDSReplaceFailed: the document to replace is no longer the current one."""

    code = "dmp-target-not-current"
    who = "le professionnel"
    what = "Le document à remplacer a déjà été remplacé ou supprimé dans le DMP."
    gesture = "Vérifiez quelle version est à jour dans le DMP, puis envoyez le document comme nouveau ou remplacez cette version."


class UpdateRefused(FromDmp, Held):
    """XDSMetadataUpdateError family."""

    code = "dmp-update-refused"
    who = "le professionnel"
    what = "Le DMP a refusé la modification de ce document."
    gesture = "Vérifiez l'état du document dans le DMP, puis relancez l'envoi."


class PartialAnswer(FromDmp, Held):
    """PartialSuccess, which a feed must not give."""

    code = "dmp-partial"
    leaves_doubt = True
    who = _INSTALLER
    what = "Le DMP n'a accepté qu'une partie de l'envoi."
    gesture = _CALL


class RefusedUnknown(FromDmp, Held):
    """A fault or a code that is not in the table: never guessed, shown to a person."""

    code = "dmp-refused-unknown"
    leaves_doubt = True
    who = _INSTALLER
    what = "Le DMP a refusé l'envoi pour une raison que Relais ne connaît pas."
    gesture = _CALL
