"""What can be wrong with a signing key held in a PKCS#11 token. All are KeyUnavailable: the structure's lane stops, the others go on.

KeyUnavailable
├── TokenAbsent          the token is not there, or went away
├── TokenPinRefused      its PIN was refused once: it is erased here and never tried again by the machine
├── TokenTriesLow        somebody spent a try of its PIN: the machine does not spend another
├── TokenKeyMissing      it has no such key, or no certificate for it
├── TokenSilent          it does not answer in time
├── TokenFault           the module failed
└── TokenModuleMissing   the PKCS#11 library is not there, or another one is loaded
TokenRoleRefused         a token signs; it opens no TLS session (cards.md 5.3)
"""

from __future__ import annotations

from gateway.kernel.errors import ConfigurationFault
from gateway.trust.errors import KeyUnavailable


class TokenAbsent(KeyUnavailable):
    """Not plugged in, renamed, or gone while it served."""

    code = "signing-token-absent"
    title = "Jeton de signature absent"
    what = "Le jeton qui contient la clé de signature de la structure {structure} n'est pas branché, ou ne répond plus."
    gesture = "Rebranchez le jeton : les envois en attente partiront tout seuls."


class TokenPinRefused(KeyUnavailable):
    """The token refused the PIN. It is erased from the box: a second try by the machine could block the token."""

    code = "signing-token-pin-refused"
    title = "Code du jeton refusé"
    what = "Le jeton de signature de la structure {structure} a refusé son code. Relais l'a effacé et ne l'essaiera plus."
    gesture = "Vérifiez le code, puis enregistrez de nouveau le jeton (relais certificate token) : il reste peu d'essais."


class TokenTriesLow(KeyUnavailable):
    """A wrong PIN was typed since the last right one: the machine presents none until a person has looked."""

    code = "signing-token-tries-low"
    title = "Essais du jeton entamés"
    what = "Quelqu'un s'est trompé de code sur le jeton de signature de la structure {structure} : Relais ne présente plus le sien."
    gesture = "Présentez vous-même le bon code (relais certificate token), ou faites débloquer le jeton."


class TokenKeyMissing(KeyUnavailable):
    """No private key with its certificate."""

    code = "signing-token-key-missing"
    title = "Clé absente du jeton"
    what = "Le jeton ne contient pas de clé de signature RSA avec son certificat pour la structure {structure}."
    gesture = "Vérifiez que c'est le bon jeton, et que le certificat y a été enregistré avec la clé."


class TokenSilent(KeyUnavailable):
    """A call took longer than anyone may wait."""

    code = "signing-token-silent"
    title = "Jeton de signature muet"
    what = "Le jeton de signature de la structure {structure} ne répond pas dans le temps prévu."
    gesture = "Débranchez puis rebranchez le jeton ; si cela dure, redémarrez Relais."


class TokenFault(KeyUnavailable):
    """The library or the token failed in another way."""

    code = "signing-token-fault"
    title = "Jeton de signature en panne"
    what = "Le jeton de signature de la structure {structure} a répondu par une erreur."
    gesture = "Débranchez puis rebranchez le jeton ; si l'erreur revient, faites-le examiner."


class TokenModuleMissing(KeyUnavailable):
    """The PKCS#11 library does not load; one library serves a box."""

    code = "signing-token-module-missing"
    title = "Logiciel du jeton absent"
    what = "Le logiciel du jeton (bibliothèque PKCS#11) ne peut pas être chargé par Relais."
    gesture = "Installez le logiciel fourni avec le jeton, et vérifiez le chemin indiqué ; un seul logiciel de jeton peut servir à la fois."


class TokenRoleRefused(ConfigurationFault):
    """Python's TLS takes no key of a token (cards.md 5.3)."""

    code = "signing-token-role-refused"
    status = 422
    title = "Usage impossible avec un jeton"
    what = "Un jeton ne peut tenir que la clé de signature (rôle « sign ») ; les connexions demandent un certificat logiciel."
    gesture = "Importez un fichier .p12 pour ce rôle."
