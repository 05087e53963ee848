"""Why the box key cannot be had, each with who does what. Sources: dossiers cards.md 5.2, image.md 6."""

from __future__ import annotations

from gateway.trust.boxkey import BoxKeyUnavailable


class BoxKeyCredentialMissing(BoxKeyUnavailable):
    """The settings want a systemd credential, and the service was started without it."""

    code = "box-key-credential-missing"
    what = "Relais doit recevoir sa clé du système au démarrage (identifiant systemd « relais-box-key »), et ne l'a pas reçue."
    gesture = "Démarrez Relais par son service (systemctl start relais) ; vérifiez que LoadCredentialEncrypted= y figure."


class BoxKeyPassphraseNeeded(BoxKeyUnavailable):
    """Protected by a passphrase, and nobody gave one."""

    code = "box-key-passphrase-needed"
    title = "Mot de passe du boîtier nécessaire"
    what = "La clé de ce boîtier est protégée par un mot de passe, qui n'a pas été donné au démarrage."
    gesture = "Démarrez Relais depuis un terminal et saisissez le mot de passe, ou confiez-le à systemd (relais-box-passphrase)."


class BoxKeyPassphraseWrong(BoxKeyUnavailable):
    """It opens nothing; a damaged file looks the same."""

    code = "box-key-passphrase-wrong"
    title = "Mot de passe du boîtier refusé"
    what = "Ce mot de passe n'ouvre pas la clé de ce boîtier."
    gesture = "Vérifiez le mot de passe noté à l'installation, majuscules comprises, puis recommencez."


class BoxKeyPassphraseShort(BoxKeyUnavailable):
    """A stolen card is attacked at leisure: a short passphrase would not hold."""

    code = "box-key-passphrase-short"
    title = "Mot de passe du boîtier trop court"
    what = "Ce mot de passe est trop court pour protéger la clé du boîtier : il faut au moins {least} caractères."
    gesture = "Choisissez par exemple cinq mots sans rapport entre eux, notez-les et rangez-les hors du boîtier."


class BoxKeyTpmMissing(BoxKeyUnavailable):
    """Sealed by a TPM that does not answer, or asked to be and there is none."""

    code = "box-key-tpm-missing"
    title = "Puce de sécurité absente"
    what = "La puce de sécurité (TPM) de ce boîtier ne répond pas, ou ses outils (tpm2-tools) ne sont pas installés."
    gesture = "Éteignez puis rallumez le boîtier. Si cela dure, rouvrez la clé avec le mot de passe de secours (relais boxkey recover)."


class BoxKeyTpmRefused(BoxKeyUnavailable):
    """The start of the board has changed since it was sealed, or it is another board."""

    code = "box-key-tpm-refused"
    title = "Clé refusée par la puce de sécurité"
    what = "La puce de sécurité refuse de rendre la clé : le démarrage de ce boîtier a changé, ou ce n'est pas le même boîtier."
    gesture = (
        "Après une mise à jour voulue du micrologiciel, lancez « relais boxkey recover » avec le mot de passe de secours ; "
        "sinon, faites examiner le boîtier avant toute chose."
    )
