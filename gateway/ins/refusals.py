"""What RNIV refuses of an act on an identity. Refused leaves the identity as it was; nothing of the patient is in an error (insi.md 4)."""

from __future__ import annotations

from gateway.kernel.errors import Refused


class IdentityBarred(Refused):
    """A douteuse or fictive identity takes no INS and no check (insi.md 4.2)."""

    code = "identity-barred"
    status = 409
    title = "Identité douteuse ou fictive"
    who = "le secrétariat"
    what = "Cette identité est marquée douteuse ou fictive : elle ne peut recevoir ni INS ni contrôle de pièce d'identité."
    gesture = "Levez d'abord ce marquage dans la fiche du patient, puis recommencez."


class AttributesForbidden(Refused):
    """Only douteuse and homonyme go together (insi.md 4.2)."""

    code = "attributes-forbidden"
    title = "Attributs incompatibles"
    who = "le secrétariat"
    what = "Une identité fictive ne peut porter aucun autre attribut."
    gesture = "Choisissez « fictive » seule, ou bien « douteuse » et « homonyme »."


class PersonNeeded(Refused):
    """The act is a person's: a professional's or a secretary's, never a software's alone."""

    code = "person-needed"
    status = 403
    title = "Acte réservé à une personne"
    who = "le secrétariat"
    what = "Cet acte engage une personne du cabinet : un logiciel seul ne peut pas le faire."
    gesture = "Indiquez qui agit (professionnel ou secrétaire), puis recommencez."


class ProfessionalNeeded(Refused):
    """The exceptional procedure belongs to a professional in person (insi.md 4.5)."""

    code = "professional-needed"
    status = 403
    title = "Acte réservé au professionnel"
    who = "le professionnel"
    what = "Seul un professionnel de santé, en personne, peut attester qu'il connaît déjà l'identité d'un patient."
    gesture = "Demandez au professionnel de le faire, ou contrôlez une pièce d'identité."


class AttestationMissing(Refused):
    """The imposed sentence is not there word for word."""

    code = "attestation-missing"
    title = "Attestation absente"
    who = "le professionnel"
    what = "La phrase d'attestation imposée n'a pas été donnée mot pour mot."
    gesture = "Cochez la phrase d'attestation affichée, puis recommencez."


class AttestationUnexpected(Refused):
    """A document was checked and the attestation of a well-known patient given: one or the other."""

    code = "attestation-unexpected"
    title = "Attestation inattendue"
    who = "le professionnel"
    what = "L'attestation d'un patient bien connu a été donnée avec une pièce d'identité : c'est l'une ou l'autre."
    gesture = "Choisissez la pièce contrôlée, ou l'attestation, puis recommencez."


class VitaleNeeded(Refused):
    """The exceptional procedure needs an INS recovered here with the Vitale card (insi.md 4.5, condition 1)."""

    code = "vitale-needed"
    status = 409
    title = "Carte Vitale nécessaire"
    who = "le professionnel"
    what = "Un patient bien connu n'est qualifié sans pièce d'identité que si son INS a été récupérée avec sa carte Vitale."
    gesture = "Interrogez le téléservice INSi avec la carte Vitale, ou contrôlez une pièce d'identité."


class PerfectMatchNeeded(Refused):
    """The exceptional procedure needs traits that matched perfectly (insi.md 4.5, condition 2)."""

    code = "perfect-match-needed"
    status = 409
    title = "Traits différents"
    who = "le professionnel"
    what = "Les traits du dossier n'étaient pas exactement ceux du téléservice INSi : l'attestation ne suffit pas."
    gesture = "Contrôlez une pièce d'identité."


class NotARecovery(Refused):
    """Typed by hand or scanned is not recovered: INSi has to be asked (insi.md 4.7, EXI REC 02)."""

    code = "ins-not-recovered"
    title = "INS non vérifiée"
    who = "le secrétariat"
    what = "Une INS saisie ou scannée n'est pas une INS récupérée."
    gesture = "Interrogez le téléservice INSi."


class InsConflict(Refused):
    """The cabinet software holds another INS than the one INSi gave for the same traits."""

    code = "ins-conflict"
    status = 409
    title = "Deux INS pour un patient"
    who = "le secrétariat"
    what = "Le logiciel métier donne une autre INS que celle que le téléservice INSi a donnée à Relais pour les mêmes traits."
    gesture = "Vérifiez qu'il s'agit du bon patient, puis corrigez l'INS dans le logiciel métier."


class AnswerUnusable(Refused):
    """INSi's answer contradicts the traits in a way that cannot be written here: a date or a sex no identity may hold."""

    code = "ins-answer-unusable"
    status = 409
    title = "Réponse inutilisable"
    who = "le secrétariat"
    what = "Le téléservice INSi donne un trait que le dossier ne peut pas porter : il n'est pas possible d'accepter sa réponse."
    gesture = "Refusez la réponse et signalez le cas à votre référent d'identitovigilance."
