"""What can be wrong with a key, a certificate or a signature of this box, each with its gesture.

ConfigurationFault
├── KeyUnavailable               no key of that role for that structure, or it cannot be read
│   ├── CertificateExpired       the certificate, or the period in which its key may sign, is over
│   └── CertificateNotYetValid   its validity has not begun: wrong certificate, or wrong clock
├── Pkcs12Unreadable             not a PKCS#12 file, or without key and certificate
├── PassphraseWrong              the passphrase does not open the file
├── CertificateMalformed         not an X.509 certificate, or a key that is not RSA of 2048 bits
├── KeyMismatch                  the private key is not that of the certificate
├── CertificateWrongPurpose      key usages are not those of the role (SIGN, AUTH_CLI...)
│   └── CertificateWrongName     its CN is not the one that INSi demands (INSI-MANU, INSI-AUTO)
├── CertificateWrongStructure    its OU is not the Struct_IdNat of the structure
├── CertificateWrongEnvironment  test certificate in production, or the reverse
├── EnvironmentMismatch          the same, of a certificate that the box already holds
├── ChainUntrusted               it does not lead to a configured authority
├── CertificateRevoked           its authority revoked it
├── RevocationListRefused        a revocation list that its authority did not sign, or older than the one held
├── RevocationListStale          the last list held is past its next update
└── OwnSignatureInvalid          the signature just made does not verify

None carries a key, a passphrase or the content of a file. Source: dossier cda_signing.md 4.4.
"""

from __future__ import annotations

from gateway.kernel.errors import ConfigurationFault

_RENEW = "Faites renouveler ce certificat auprès de l'ANS, puis importez-le dans Relais."
_CHECK_FILE = "Vérifiez que vous importez le bon fichier, tel que l'ANS l'a délivré."


class KeyUnavailable(ConfigurationFault):
    """No usable key of that role for that structure."""

    code = "key-unavailable"
    title = "Clé indisponible"
    what = "La clé {role} de la structure {structure} n'est pas dans le boîtier, ou n'y est plus lisible."
    gesture = "Importez le certificat logiciel de la structure (fichier .p12 et son mot de passe)."


class CertificateExpired(KeyUnavailable):
    """The certificate is past its end, or past the private key usage period: it still verifies but must sign no more."""

    code = "certificate-expired"
    title = "Certificat expiré"
    what = "Le certificat {role} de la structure {structure} ne peut plus servir depuis le {date}."
    gesture = _RENEW


class CertificateNotYetValid(KeyUnavailable):
    """The validity has not begun."""

    code = "certificate-not-yet-valid"
    title = "Certificat pas encore valable"
    what = "Le certificat {role} de la structure {structure} ne sera valable que le {date}."
    gesture = "Vérifiez d'abord la date et l'heure du boîtier ; si elles sont justes, attendez cette date."


class Pkcs12Unreadable(ConfigurationFault):
    """The file is not a PKCS#12 file with one key and its certificate."""

    code = "pkcs12-unreadable"
    title = "Fichier de certificat illisible"
    what = "Ce fichier n'est pas un certificat logiciel complet (format .p12, avec sa clé)."
    gesture = _CHECK_FILE


class PassphraseWrong(ConfigurationFault):
    """The passphrase does not open the file; a damaged file cannot always be told from a wrong passphrase."""

    code = "passphrase-wrong"
    title = "Mot de passe refusé"
    what = "Le mot de passe n'ouvre pas ce fichier de certificat."
    gesture = "Vérifiez le mot de passe remis avec le certificat, majuscules comprises, puis recommencez."


class CertificateMalformed(ConfigurationFault):
    """Not an X.509 certificate that Relais can use; IGC-Santé issues RSA keys of 2048 bits at least."""

    code = "certificate-malformed"
    title = "Certificat inutilisable"
    what = "Ce certificat n'est pas utilisable : {reason}."
    gesture = _CHECK_FILE


class KeyMismatch(ConfigurationFault):
    """The private key of the file belongs to another certificate."""

    code = "key-mismatch"
    title = "Clé et certificat différents"
    what = "La clé contenue dans le fichier n'est pas celle du certificat."
    gesture = _CHECK_FILE


class CertificateWrongPurpose(ConfigurationFault):
    """Key usages are not those that the role needs."""

    code = "certificate-wrong-purpose"
    title = "Mauvais type de certificat"
    what = "Ce certificat n'est pas fait pour cet usage ({role}) : {reason}."
    gesture = "Vérifiez que vous n'avez pas échangé les deux fichiers : l'un sert à signer (SIGN), l'autre à se connecter (AUTH_CLI)."


class CertificateWrongName(CertificateWrongPurpose):
    """INSi knows a caller by the CN of its certificate and refuses any other name (insi.md 0.3)."""

    code = "certificate-wrong-name"
    what = "Ce certificat ne peut pas servir au téléservice INSi : son nom (CN) doit être exactement {expected}."
    gesture = "Commandez à l'ANS un certificat ORG AUTH_CLI dont le service applicatif est {expected}, puis importez-le dans Relais."


class CertificateWrongStructure(ConfigurationFault):
    """The OU of the subject is not the Struct_IdNat."""

    code = "certificate-wrong-structure"
    title = "Certificat d'une autre structure"
    what = "Ce certificat n'a pas été délivré à la structure {structure}."
    gesture = "Vérifiez l'identifiant de la structure, ou importez le certificat qui lui a été délivré."


class CertificateWrongEnvironment(ConfigurationFault):
    """Test and production never mix (design, rule 12)."""

    code = "certificate-wrong-environment"
    title = "Certificat d'un autre environnement"
    what = "Ce certificat n'est pas de l'environnement de ce boîtier ({environment})."
    gesture = "Importez un certificat de production sur un boîtier de production, et un certificat de test sur un boîtier de test."


class EnvironmentMismatch(ConfigurationFault):
    """A certificate the box holds is not of the environment it is configured for: nothing starts, nothing leaves (design, rule 12)."""

    code = "environment-mismatch"
    title = "Test et production mélangés"
    what = "Ce boîtier est réglé en {environment}, mais un certificat de la structure {structure} est un certificat de {found}."
    gesture = (
        "Corrigez « environment » dans relais.toml, ou remplacez ce certificat ; test et production ne vivent pas sur le même boîtier."
    )


class ChainUntrusted(ConfigurationFault):
    """No path leads from the certificate to a configured authority."""

    code = "chain-untrusted"
    title = "Certificat d'une autorité inconnue"
    what = "Ce certificat ne remonte pas à une autorité reconnue par Relais : {reason}."
    gesture = "Vérifiez que le certificat vient bien de l'IGC-Santé et que les autorités configurées sont les bonnes."


class CertificateRevoked(ConfigurationFault):
    """The authority revoked the certificate."""

    code = "certificate-revoked"
    title = "Certificat révoqué"
    what = "Ce certificat a été révoqué par son autorité le {date}."
    gesture = "Demandez un nouveau certificat à l'ANS, puis importez-le dans Relais."


class RevocationListRefused(ConfigurationFault):
    """A revocation list that cannot replace the one held."""

    code = "revocation-list-refused"
    title = "Liste de révocation refusée"
    what = "La liste des certificats révoqués qui vient d'être reçue n'est pas acceptable : {reason}."
    gesture = "Aucune action urgente : Relais garde la dernière liste valable et réessaiera."


class RevocationListStale(ConfigurationFault):
    """The last list held is past its next update: a peer can no longer be told from a revoked one (mssante.md 1.2, CONF.22)."""

    code = "revocation-list-stale"
    title = "Liste de révocation périmée"
    what = "La liste des certificats révoqués n'a pas pu être renouvelée à temps : le service appelé ne peut plus être vérifié."
    gesture = "Vérifiez que le boîtier est relié à Internet et que son heure est juste ; les envois reprendront tout seuls."


class OwnSignatureInvalid(ConfigurationFault):
    """A signature just made by this box does not verify: it is never sent."""

    code = "own-signature-invalid"
    title = "Signature du boîtier invalide"
    what = "La signature que Relais vient de produire n'est pas valide : rien n'a été envoyé."
    gesture = "Contactez votre installateur : le certificat ou le boîtier est à vérifier."
