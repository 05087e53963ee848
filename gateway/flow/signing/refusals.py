"""What the routes of esignsante refuse to sign or to verify; the statuses are that service's. Source: cda_signing.md 4.2."""

from __future__ import annotations

from gateway.kernel.errors import ConfigurationFault, Refused


class ConfigurationUnknown(Refused):
    """No such number, or not for this workstation."""

    code = "esignsante-configuration-unknown"
    status = 404
    title = "Configuration inconnue"
    what = "Aucune configuration de signature ou de vérification ne porte ce numéro pour ce poste."
    gesture = "Demandez la liste à « /esignsante/v1/configurations », ou faites ajouter ce numéro par votre installateur."


class NotSignable(Refused):
    """The file is not of the kind that the operation works on."""

    code = "esignsante-not-supported"
    status = 501
    title = "Opération non prise en charge"
    what = "Ce fichier ne se prête pas à l'opération demandée : il n'est pas du type attendu, ou ne peut pas porter sa propre signature."
    gesture = "Vérifiez le fichier et la configuration choisie ; une signature enveloppante accepte tous les fichiers."


class SigningCertificateUnusable(ConfigurationFault):
    """The certificate that would sign is itself not valid: esignsante signs nothing then."""

    code = "signing-certificate-unusable"
    title = "Certificat de signature inutilisable"
    what = "Le certificat de signature de la structure est expiré, révoqué ou non reconnu : rien n'a été signé."
    gesture = "Regardez les certificats dans « relais check », et renouvelez celui de la structure."
