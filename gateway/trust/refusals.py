"""Why a certificate is not taken in: one error for each fault, below the family of `errors` it belongs to.

Pkcs12Unreadable
├── Pkcs12Empty, Pkcs12TooLarge, Pkcs12Damaged, Pkcs12WithoutKey, Pkcs12WithoutCertificate
├── Pkcs12TooSlow                opening it costs more than any real file does
PassphraseWrong
└── PassphraseMissing            the file is protected and no passphrase was given
CertificateMalformed
├── CertificateKeyKind           an elliptic key, where IGC-Santé issues RSA
├── CertificateWeakKey           RSA of less than 2048 bits
├── CertificateKeyTooLong        RSA of more than 4096 bits
└── CertificateWeakDigest        signed with SHA-1 or MD5
CertificateWrongPurpose
├── CertificateIsAuthority, CertificateWithoutUsage
├── CertificateNotForSigning     SIGN without non-repudiation
├── CertificateForConnections    SIGN with a TLS usage
├── CertificateNotForConnections AUTH_CLI and its like without digital signature
└── CertificateNotForClients     without client authentication
CertificateWrongStructure
└── CertificateWithoutStructure  no OU at all
CertificateExpired / CertificateNotYetValid
├── SigningPeriodOver            the certificate is valid, its private key usage period is over (cda_signing.md 4.4)
└── SigningPeriodNotBegun
ChainUntrusted
├── CertificateSelfSigned, CertificateMentionUnknown
├── AuthorityOutOfDate, AuthorityNotEntitled, AuthorityTooFar, AuthorityRestricted
├── AuthoritySignatureFalse, AuthorityWeakDigest
├── AuthorityRevoked             the issuing authority itself is on a list
└── ChainMixed                   test and production authorities in one chain
RevocationListStale
└── RevocationUncertain          the list held cannot say any more whether this certificate is revoked
CertificateAlreadyInUse          offered as the next one, it is the one in use

Source: dossier cda_signing.md 4.4 (box rule), insi.md 2.3.
"""

from __future__ import annotations

from gateway.kernel.errors import ConfigurationFault
from gateway.trust.errors import (
    CertificateExpired,
    CertificateMalformed,
    CertificateNotYetValid,
    CertificateWrongPurpose,
    CertificateWrongStructure,
    ChainUntrusted,
    PassphraseWrong,
    Pkcs12Unreadable,
    RevocationListStale,
)

_ORDER_AGAIN = "Demandez à l'ANS un nouveau certificat, puis importez-le dans Relais."
_SWAPPED = "Vérifiez que vous n'avez pas échangé les deux fichiers : l'un sert à signer (SIGN), l'autre à se connecter (AUTH_CLI)."
_AUTHORITIES = "Faites vérifier par votre installateur les autorités IGC-Santé configurées dans le boîtier, et l'origine du fichier."


class Pkcs12Empty(Pkcs12Unreadable):
    """No byte came."""

    code = "pkcs12-empty"
    what = "Le fichier de certificat est vide."
    gesture = "Copiez de nouveau le fichier depuis le portail de l'ANS, puis recommencez."


class Pkcs12TooLarge(Pkcs12Unreadable):
    """Over a megabyte: no certificate file is."""

    code = "pkcs12-too-large"
    what = "Ce fichier est trop gros pour être un certificat."
    gesture = "Choisissez le fichier .p12 ou .pfx remis par l'ANS, qui pèse quelques kilo-octets."


class Pkcs12Damaged(Pkcs12Unreadable):
    """It begins as a PKCS#12 file and cannot be read to its end."""

    code = "pkcs12-damaged"
    what = "Ce fichier de certificat est abîmé ou incomplet."
    gesture = "Téléchargez-le de nouveau, ou recopiez-le depuis son support d'origine, puis recommencez."


class Pkcs12TooSlow(Pkcs12Unreadable):
    """It asks for so many rounds of derivation that no real software wrote it."""

    code = "pkcs12-too-slow"
    what = "Ouvrir ce fichier de certificat demande un temps de calcul anormal : Relais y a renoncé."
    gesture = "Téléchargez de nouveau le fichier sur le portail de l'ANS, puis recommencez."


class Pkcs12WithoutKey(Pkcs12Unreadable):
    """Certificates only."""

    code = "pkcs12-without-key"
    what = "Ce fichier contient un certificat, mais pas sa clé : Relais ne peut rien en faire."
    gesture = "Exportez le certificat avec sa clé privée, ou retirez de nouveau le fichier .p12 sur le portail de l'ANS."


class Pkcs12WithoutCertificate(Pkcs12Unreadable):
    """A key only."""

    code = "pkcs12-without-certificate"
    what = "Ce fichier contient une clé, mais aucun certificat."
    gesture = "Exportez la clé avec son certificat, ou retirez de nouveau le fichier .p12 sur le portail de l'ANS."


class PassphraseMissing(PassphraseWrong):
    """None was given and the file asks for one."""

    code = "passphrase-missing"
    title = "Mot de passe à saisir"
    what = "Ce fichier de certificat est protégé, et aucun mot de passe n'a été saisi."
    gesture = "Saisissez le mot de passe remis avec le certificat, puis recommencez."


class CertificateKeyKind(CertificateMalformed):
    """The key is no RSA key; INSi, the DMP and the lot are signed with RSA."""

    code = "certificate-key-kind"
    what = "La clé de ce certificat n'est pas une clé RSA : les services nationaux ne l'acceptent pas."
    gesture = _ORDER_AGAIN


class CertificateWeakKey(CertificateMalformed):
    """RSA of less than 2048 bits."""

    code = "certificate-weak-key"
    what = "La clé de ce certificat est trop courte ({bits} bits) : il en faut au moins 2048."
    gesture = _ORDER_AGAIN


class CertificateKeyTooLong(CertificateMalformed):
    """RSA of more than 4096 bits: each signature would hold the box."""

    code = "certificate-key-too-long"
    what = "La clé de ce certificat est anormalement longue ({bits} bits) : Relais ne s'en sert pas."
    gesture = _ORDER_AGAIN


class CertificateWeakDigest(CertificateMalformed):
    """Its authority signed it with a broken digest."""

    code = "certificate-weak-digest"
    what = "Ce certificat est signé avec un procédé abandonné ({digest}) : les services nationaux le refusent."
    gesture = _ORDER_AGAIN


class CertificateIsAuthority(CertificateWrongPurpose):
    """A certificate that may issue others."""

    code = "certificate-is-authority"
    what = "Ce certificat est celui d'une autorité, pas celui de votre structure."
    gesture = "Choisissez le fichier .p12 délivré à la structure, et non celui de l'autorité."


class CertificateWithoutUsage(CertificateWrongPurpose):
    """No key usage."""

    code = "certificate-without-usage"
    what = "Ce certificat ne dit pas à quoi sert sa clé : les services nationaux le refuseraient."
    gesture = _ORDER_AGAIN


class CertificateNotForSigning(CertificateWrongPurpose):
    """The role SIGN, without non-repudiation."""

    code = "certificate-not-for-signing"
    what = "La clé de ce certificat n'est pas faite pour signer des documents."
    gesture = _SWAPPED


class CertificateForConnections(CertificateWrongPurpose):
    """The role SIGN, with a TLS usage."""

    code = "certificate-for-connections"
    what = "Ce certificat sert aux connexions : il ne peut pas signer les documents de la structure."
    gesture = _SWAPPED


class CertificateNotForConnections(CertificateWrongPurpose):
    """A role of TLS, without digital signature: made to encrypt, or to sign documents alone."""

    code = "certificate-not-for-connections"
    what = "La clé de ce certificat n'est pas faite pour ouvrir des connexions."
    gesture = _SWAPPED


class CertificateNotForClients(CertificateWrongPurpose):
    """A role of TLS, without client authentication."""

    code = "certificate-not-for-clients"
    what = "Ce certificat ne permet pas à la structure de s'identifier auprès des services nationaux."
    gesture = "Commandez à l'ANS un certificat ORG AUTH_CLI (et non SSL_SERV ni SIGN), puis importez-le dans Relais."


class CertificateWithoutStructure(CertificateWrongStructure):
    """The subject has no OU."""

    code = "certificate-without-structure"
    what = "Ce certificat ne désigne aucune structure de santé."
    gesture = "Commandez à l'ANS un certificat d'organisation (ORG) au nom de la structure."


class SigningPeriodOver(CertificateExpired):
    """Past the private key usage period, within the certificate's own validity."""

    code = "signing-period-over"
    title = "Période de signature terminée"
    what = "Le certificat {role} de la structure {structure} reste vérifiable, mais sa clé ne doit plus signer depuis le {date}."


class SigningPeriodNotBegun(CertificateNotYetValid):
    """Before the private key usage period, within the certificate's own validity."""

    code = "signing-period-not-begun"
    title = "Période de signature pas commencée"
    what = "La clé du certificat {role} de la structure {structure} ne pourra servir que le {date}."


class CertificateSelfSigned(ChainUntrusted):
    """It is its own authority."""

    code = "certificate-self-signed"
    what = "Ce certificat s'est signé lui-même : aucune autorité ne le garantit."
    gesture = "Importez un certificat délivré par l'IGC-Santé."


class CertificateMentionUnknown(ChainUntrusted):
    """A critical extension that Relais does not know."""

    code = "certificate-mention-unknown"
    gesture = "Envoyez le certificat (sans sa clé) à votre installateur : Relais doit apprendre cette mention avant de s'en servir."


class AuthorityOutOfDate(ChainUntrusted):
    """An authority of the path is outside of its validity."""

    code = "authority-out-of-date"
    gesture = "Vérifiez l'heure du boîtier ; si elle est juste, demandez un certificat délivré par l'autorité en service."


class AuthorityNotEntitled(ChainUntrusted):
    """Signed by a certificate that is no authority."""

    code = "authority-not-entitled"
    gesture = "N'utilisez pas ce fichier, et prévenez votre installateur : il peut s'agir d'un faux."


class AuthorityTooFar(ChainUntrusted):
    """A path longer than an authority of it allows."""

    code = "authority-too-far"
    gesture = "N'utilisez pas ce fichier, et prévenez votre installateur : une autorité a dépassé ses droits."


class AuthorityRestricted(ChainUntrusted):
    """An authority with a constraint or critical mention that Relais does not interpret."""

    code = "authority-restricted"
    gesture = _AUTHORITIES


class AuthoritySignatureFalse(ChainUntrusted):
    """An authority of that name is configured, and did not sign it."""

    code = "authority-signature-false"
    gesture = "N'utilisez pas ce fichier, et prévenez votre installateur : le certificat a été modifié, ou l'autorité est une autre."


class AuthorityWeakDigest(ChainUntrusted):
    """An authority of the path is signed with a broken digest."""

    code = "authority-weak-digest"
    gesture = _AUTHORITIES


class AuthorityRevoked(ChainUntrusted):
    """An authority of the path is revoked."""

    code = "authority-revoked"
    what = "L'autorité qui a délivré ce certificat a elle-même été révoquée le {date}."
    gesture = "N'utilisez plus aucun certificat de cette autorité ; demandez-en un nouveau à l'ANS."


class ChainMixed(ChainUntrusted):
    """A production certificate under a test authority, or the reverse (design, rule 12)."""

    code = "chain-mixed"
    what = "Ce certificat mélange des autorités de test et de production."
    gesture = _AUTHORITIES


class RevocationUncertain(RevocationListStale):
    """The newest list of its authority is past its next update: nothing says that it was not revoked since."""

    code = "revocation-uncertain"
    what = "La liste des certificats révoqués de cette autorité est périmée depuis le {date} : Relais ne peut pas vérifier ce certificat."
    gesture = "Reliez le boîtier à Internet et attendez quelques minutes que la liste se renouvelle, puis recommencez l'import."


class CertificateAlreadyInUse(ConfigurationFault):
    """Offered as the next one."""

    code = "certificate-already-in-use"
    status = 409
    title = "Certificat déjà en service"
    what = "Ce certificat est déjà celui que la structure utilise : il ne peut pas être aussi le suivant."
    gesture = "Choisissez le fichier du nouveau certificat, celui que l'ANS vient de délivrer."
