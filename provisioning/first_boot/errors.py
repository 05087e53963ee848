"""What the installer is told of a first boot: of the tree of `kernel.errors`.

Refused
├── SheetRefused           relais.toml has faults: nothing was installed
└── SheetNotRead           there is no relais.toml where it was said to be
ConfigurationFault
├── InstallationCut        a file of the home or of the first partition cannot be written
└── FirstDocumentLost      the box is installed, and its first document did not arrive
"""

from __future__ import annotations

from gateway.kernel.errors import ConfigurationFault, Refused


class SheetRefused(Refused):
    """Each fault is in the paper beside it."""

    code = "first-boot-sheet-refused"
    title = "Réglages refusés"
    who = "votre installateur"
    what = "Les réglages ne sont pas acceptés ({count}) : rien n'a été installé."
    gesture = "Corrigez ce que dit {paper}, puis recommencez."


class SheetNotRead(Refused):
    """The path is wrong, or the partition is not mounted."""

    code = "first-boot-sheet-not-read"
    title = "Réglages introuvables"
    who = "votre installateur"
    what = "Le fichier de réglages ne peut pas être lu."
    gesture = "Vérifiez le fichier donné à « --settings »."


class InstallationCut(ConfigurationFault):
    """Asked again, it goes on."""

    code = "first-boot-cut"
    title = "Installation interrompue"
    what = "L'installation n'a pas pu aller au bout : un fichier ne s'écrit pas, ou une commande a échoué."
    gesture = "Vérifiez le disque et la première partition, puis relancez la commande : elle reprend où elle s'est arrêtée."


class FirstDocumentLost(ConfigurationFault):
    """Everything else is done."""

    code = "first-document-not-delivered"
    title = "Premier document non remis"
    what = "Le boîtier est installé, mais son premier document d'essai n'est pas arrivé."
    gesture = "Lancez « relais check --home DIR », corrigez ce qu'il dit, puis relancez la commande."
