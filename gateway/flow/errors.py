"""What the pipeline itself refuses or holds, with its French sentence and gesture."""

from __future__ import annotations

from gateway.kernel.errors import Held, OutcomeUnknown, Refused, TransientFault


class StructureUnknown(Refused):
    """The structure is not one of this box, or not one of this workstation's."""

    code = "structure-unknown"
    title = "Structure inconnue"
    what = "La structure indiquée n'est pas déclarée dans ce boîtier, ou ce poste n'y a pas accès."
    gesture = "Vérifiez l'identifiant de la structure avec votre installateur."


class ActorNeeded(Refused):
    """The act is imputed to a person, and nobody was named."""

    code = "actor-needed"
    title = "Personne à indiquer"
    what = "Ce geste engage une personne : il faut dire qui le fait."
    gesture = "Indiquez le professionnel ou la secrétaire qui agit, puis recommencez."


class ActorUnknown(Refused):
    """The person named is neither a professional nor a secretary of the structure; of none, for what belongs to the box."""

    code = "actor-unknown"
    title = "Personne inconnue"
    what = "La personne indiquée n'est ni un professionnel ni une secrétaire déclarés dans cette structure."
    gesture = "Vérifiez l'identifiant donné par l'en-tête Relais-Actor, ou faites déclarer cette personne dans le boîtier."


class AuthorUnknown(Refused):
    """The author is not a professional of the structure."""

    code = "author-unknown"
    title = "Auteur inconnu"
    what = "L'auteur du document n'est pas un professionnel déclaré dans cette structure."
    gesture = "Faites déclarer ce professionnel dans le boîtier, ou corrigez son numéro RPPS dans le logiciel métier."


class PatientUnknown(Refused):
    """Only a local id was given and this patient has never been seen."""

    code = "patient-unknown"
    title = "Patient inconnu"
    what = "Ce patient n'est pas encore connu de Relais : son seul numéro de dossier ne suffit pas."
    gesture = "Renvoyez le document avec les traits d'identité du patient."


class PatientNotFound(Refused):
    """No patient of this local id in the registry of the structure."""

    code = "patient-not-found"
    status = 404
    title = "Patient introuvable"
    what = "Aucun patient de cette structure ne porte ce numéro de dossier dans Relais."
    gesture = "Vérifiez le numéro de dossier, ou enregistrez d'abord le patient avec ses traits d'identité."


class ProposalGone(Refused):
    """The answer of INSi looked at is no longer the one that waits: decided already, replaced, or dropped by a change of traits."""

    code = "proposal-gone"
    status = 409
    title = "Réponse dépassée"
    who = "le secrétariat"
    what = "Cette réponse du téléservice INSi n'est plus celle qui attend une décision."
    gesture = "Actualisez la fiche du patient, puis décidez sur ce qu'elle montre."


class IdentityChanged(Refused):
    """The identity is no longer what was compared with the document: another workstation, a software or INSi changed it meanwhile."""

    code = "identity-changed"
    status = 409
    title = "Fiche modifiée entre-temps"
    who = "le secrétariat"
    what = "La fiche de ce patient a changé pendant que vous la regardiez : la pièce n'est pas enregistrée."
    gesture = "Comparez de nouveau la pièce d'identité avec la fiche, puis recommencez."


class MediaTypeRefused(Refused):
    """Neither a PDF nor a CDA."""

    code = "media-type-refused"
    status = 415
    title = "Type de fichier refusé"
    what = "Relais accepte un document PDF, ou un CDA prêt à envoyer (XML)."
    gesture = "Exportez le document en PDF depuis le logiciel métier, puis renvoyez-le."


class RequestIncomplete(Refused):
    """A PDF comes without one of the parts that describe it."""

    code = "request-incomplete"
    title = "Demande incomplète"
    what = "Il manque une partie de la description du document."
    gesture = "Complétez le champ indiqué, puis renvoyez le document."


class RequestContradictsCda(Refused):
    """The request says something else than the ready CDA."""

    code = "request-contradicts-cda"
    title = "La demande contredit le document"
    what = "La demande et le CDA fourni ne disent pas la même chose."
    gesture = "Ne décrivez pas un CDA déjà complet, ou faites corriger la différence par l'éditeur."


class IdempotencyConflict(Refused):
    """The same key came with another content."""

    code = "idempotency-conflict"
    status = 409
    title = "Clé d'envoi déjà utilisée"
    what = "Cette clé d'envoi a déjà servi pour un autre contenu."
    gesture = "Faites corriger par l'éditeur : une clé d'envoi ne sert qu'à un seul document."


class DocumentAlreadyKnown(Refused):
    """A ready CDA whose uniqueId was already accepted."""

    code = "document-already-known"
    status = 409
    title = "Document déjà reçu"
    what = "Un document portant le même identifiant a déjà été accepté."
    gesture = "Si le contenu a changé, faites émettre un nouveau document qui remplace le précédent."


class MailboxMissing(Refused):
    """The structure has no applicative mailbox."""

    code = "mailbox-missing"
    title = "Pas de messagerie configurée"
    who = "votre installateur"
    what = "Cette structure n'a pas de boîte aux lettres MSSanté configurée dans le boîtier."
    gesture = "Retirez les envois par messagerie, ou faites configurer la boîte de la structure."


class ReplacedUnknown(Refused):
    """`replaces` is not a uniqueId."""

    code = "replaced-invalid"
    title = "Document remplacé mal désigné"
    what = "L'identifiant du document à remplacer n'est pas valide."
    gesture = "Indiquez l'identifiant unique rendu par Relais pour le premier document."


class RateLimited(Refused):
    """Too many requests from one workstation."""

    code = "rate-limited"
    status = 429
    title = "Trop de demandes"
    what = "Ce poste envoie trop de demandes en peu de temps."
    gesture = "Attendez une minute, puis recommencez ; si cela se répète, prévenez l'éditeur."


class NotFound(Refused):
    """Nothing of that name that this workstation may see."""

    code = "not-found"
    status = 404
    title = "Introuvable"
    what = "Cet élément n'existe pas, ou n'appartient pas à ce poste."
    gesture = "Vérifiez l'identifiant demandé."


class Unauthenticated(Refused):
    """No token, or a wrong one."""

    code = "unauthenticated"
    status = 401
    title = "Poste non reconnu"
    who = "votre installateur"
    what = "Ce poste n'a pas présenté un jeton valable."
    gesture = "Faites associer ce poste au boîtier."


class TokenExpired(Unauthenticated):
    """The token was good, and its days are over ([pairing] token_days)."""

    code = "token-expired"
    title = "Jeton expiré"
    what = "Le jeton de ce poste a expiré ; rien de ce qu'il a confié n'est perdu."
    gesture = "Faites renouveler le jeton de ce poste par l'accès installateur (relais workstation renew)."


class AlreadySent(Refused):
    """Something has left, or may have: no cancelling."""

    code = "already-sent"
    status = 409
    title = "Déjà parti"
    who = "le professionnel"
    what = "Le document est déjà parti vers au moins un destinataire : il ne peut plus être annulé."
    gesture = "Pour le corriger, envoyez un document qui le remplace."


class NotPossibleNow(Refused):
    """The gesture does not suit the state of the delivery."""

    code = "not-possible-now"
    status = 409
    title = "Geste impossible dans cet état"
    who = "le secrétariat"
    what = "Ce geste n'est pas possible : l'envoi est dans l'état « {state} »."
    gesture = "Actualisez la page pour voir l'état de l'envoi."


class IdentityNotQualified(Held):
    """The INS is not qualified: the document waits for it (design, rule 1)."""

    code = "identity-not-qualified"
    what = "L'identité du patient n'est pas encore qualifiée : rien ne peut partir vers son DMP ni vers sa messagerie."
    gesture = "Vérifiez une pièce d'identité et qualifiez l'INS du patient : l'envoi partira tout seul."


class IdentityDiffers(Held):
    """The identity qualified since is not the one of the document: another person, or traits corrected meanwhile."""

    code = "identity-differs"
    what = "L'identité qualifiée depuis pour ce dossier n'a pas les mêmes traits que celle de ce document."
    gesture = "Vérifiez qu'il s'agit bien du même patient. Si oui, renvoyez le document depuis le logiciel métier ; sinon, annulez-le."


class IdentityWithdrawn(Held):
    """The document carries an INS that the registry no longer vouches for (insi.md 4.1): traits changed, doubt, failed verification."""

    code = "identity-withdrawn"
    what = "L'identité de ce patient a été modifiée ou mise en doute depuis que ce document a été confié : il n'est pas parti."
    gesture = "Vérifiez l'identité du patient et qualifiez-la de nouveau : l'envoi partira tout seul. Sinon, annulez-le."


class QualifiedDocumentNeeded(Held):
    """A ready CDA without INS: Relais does not rewrite what another software has made."""

    code = "qualified-document-needed"
    what = "L'identité du patient est maintenant qualifiée, mais ce document a été préparé sans son INS."
    gesture = "Renvoyez le document depuis le logiciel métier : il portera l'INS du patient."


class TextContradictsIdentity(Held):
    """The text of the document speaks of somebody else: a person looks before anything leaves."""

    code = "text-contradicts-identity"
    what = "Le texte de ce document porte {fact} que l'identité du patient : il appartient peut-être à quelqu'un d'autre."
    gesture = (
        "Ouvrez le document. S'il est bien à ce patient, dites qui vous êtes et utilisez « Libérer » ; "
        "sinon, annulez-le et renvoyez-le au bon dossier."
    )


class HeldByHand(Held):
    """Someone asked to wait."""

    code = "held-by-hand"
    what = "Cet envoi a été mis en attente à la demande d'un utilisateur."
    gesture = "Quand il peut partir, utilisez « Libérer »."


class ReplacedNotDelivered(Held):
    """The replaced document never reached the DMP."""

    code = "replaced-not-delivered"
    what = "Ce document en remplace un autre, qui n'est pas dans le DMP du patient."
    gesture = "Envoyez ce document sans indiquer de remplacement, ou relancez d'abord l'envoi du premier."


class ReplacedPending(TransientFault):
    """The replaced document is still on its way."""

    code = "replaced-pending"
    item_only = True
    what = "Ce document en remplace un autre qui n'est pas encore parti : il attend son tour."


class PayloadQuarantined(Held):
    """What was stored cannot be read back: set aside, the rest goes on."""

    code = "payload-damaged"
    who = "votre installateur"
    what = "Le document enregistré ne peut plus être relu : il a été mis de côté."
    gesture = "Renvoyez le document depuis le logiciel métier et faites vérifier le stockage du boîtier."


class PdfCopyMissing(Held):
    """A mail carries a readable copy of its document; a structured CDA, a text or a picture does not contain one."""

    code = "pdf-copy-missing"
    who = "l'éditeur du logiciel métier"
    what = "Ce document ne contient pas de PDF lisible à joindre au message."
    gesture = "Envoyez aussi ce document en PDF par la messagerie ; l'envoi au DMP n'est pas concerné."


class CdaRuleFailed(Held):
    """The CDA we built breaks one of our own rules: a record of the structure is wrong, or it is our defect."""

    code = "cda-rule-failed"
    who = "votre installateur"
    what = "Le document n'a pas pu être mis au format attendu : la règle « {rule} » n'est pas respectée."
    gesture = "Faites vérifier la fiche de la structure et du professionnel dans le boîtier, puis utilisez « Réessayer »."


class GivenUp(Held):
    """Tried for days without success."""

    code = "given-up"
    who = "le secrétariat"
    what = "Cet envoi n'a pas pu partir depuis plusieurs jours."
    gesture = "Appelez votre installateur ; quand la cause est levée, utilisez « Réessayer »."


class PerhapsDelivered(Held):
    """A later attempt was refused for good, while an earlier one may have arrived: neither "refused" nor "cancelled" would be true."""

    code = "perhaps-delivered"
    what = "Cet envoi est peut-être déjà arrivé ; la nouvelle tentative a été refusée. {reason}"
    gesture = "Demandez au destinataire s'il a reçu le document. S'il ne l'a pas, utilisez « Réessayer » une fois la cause corrigée."


class InDoubt(OutcomeUnknown):
    """A defect of Relais met after something may have left."""

    code = "in-doubt"
    what = "Relais a rencontré une erreur imprévue pendant l'envoi : il est peut-être arrivé."


class Unexpected(Held):
    """A defect of Relais met by one item: it waits for a person, its neighbours go on."""

    code = "internal-error"
    who = "votre installateur"
    what = "Relais a rencontré une erreur imprévue sur cet envoi, qui est gardé ; les autres continuent."
    gesture = "Contactez votre installateur en lui donnant l'heure et le code de cette erreur."
