"""What the installer is told of a return to factory settings: of the tree of `kernel.errors`.

Refused
├── ResetNotConfirmed      the sentence that was typed is not the one asked for
└── NotAHome               the folder holds nothing of a box: nothing in it is touched
ConfigurationFault
├── CredentialNotNamed     systemd hands the box key over, and nobody said which file it comes from
└── ErasureCut             the disk refuses to erase or to write: what is left is erased when asked again
"""

from __future__ import annotations

from gateway.kernel.errors import ConfigurationFault, Refused


class ResetNotConfirmed(Refused):
    """Nothing has been erased."""

    code = "reset-not-confirmed"
    title = "Effacement non confirmé"
    who = "votre installateur"
    what = "La phrase de confirmation n'a pas été donnée : rien n'a été effacé."
    gesture = "Relancez la commande et recopiez la phrase, ou ajoutez « --yes » si vous êtes sûr."


class NotAHome(Refused):
    """A slip of the keyboard must not erase somebody's folder."""

    code = "not-a-home"
    title = "Ce dossier n'est pas un boîtier"
    who = "votre installateur"
    what = "Ce dossier n'est pas celui d'un boîtier Relais : rien n'y a été touché."
    gesture = "Vérifiez le dossier donné à « --home »."


class CredentialNotNamed(ConfigurationFault):
    """Erasing the home alone would leave the key that opens its old blocks."""

    code = "reset-credential-not-named"
    title = "Clé remise par systemd"
    what = "La clé de ce boîtier est remise par systemd, d'un fichier qui n'est pas dans son dossier : rien n'a été effacé."
    gesture = "Ajoutez « --credential FICHIER » avec le fichier du credential chiffré, puis recommencez."


class ErasureCut(ConfigurationFault):
    """A damaged card, or one that is read-only; the home is never served meanwhile."""

    code = "erasure-cut"
    title = "Effacement interrompu"
    what = "L'effacement n'a pas pu aller au bout : {reason}. Ce qui reste ne sera pas servi."
    gesture = "Relancez la commande : elle reprend où elle s'est arrêtée. Si cela dure, la carte mémoire est abîmée : détruisez-la."
