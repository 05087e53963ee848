"""What keeps a backup from being made, read or restored."""

from __future__ import annotations

from gateway.kernel.errors import ConfigurationFault, Refused, TransientFault


class PhraseMistyped(Refused):
    """The recovery phrase is not of the right form, or a group does not agree with its check letter."""

    code = "recovery-phrase-mistyped"
    who = "votre installateur"
    what = "La phrase de récupération contient une faute : {where}."
    gesture = "Comparez avec la feuille imprimée, corrigez ce groupe, puis recommencez."


class PhraseWrong(Refused):
    """A well-formed phrase, but not the one of this backup."""

    code = "recovery-phrase-wrong"
    who = "votre installateur"
    what = "Cette phrase de récupération n'est pas celle de cette sauvegarde."
    gesture = "Cherchez la feuille qui porte le même numéro que la sauvegarde : {sheet}."


class PhraseMissing(ConfigurationFault):
    """No recovery phrase was ever made for this box: nobody could read its backups."""

    code = "recovery-phrase-missing"
    what = "Ce boîtier n'a pas encore de phrase de récupération : ses sauvegardes ne pourraient pas être relues."
    gesture = "Lancez « relais-provision backup prepare », puis rangez la phrase imprimée hors du boîtier."


class DestinationNotSet(ConfigurationFault):
    """No folder of backups is configured or given."""

    code = "backup-folder-not-set"
    what = "Aucun dossier de sauvegarde n'est réglé."
    gesture = "Indiquez « backup.folder » dans relais.toml, ou l'option --to."


class DestinationNotPrepared(ConfigurationFault):
    """The folder does not bear our mark: the stick is not plugged in, or it is another one."""

    code = "backup-folder-not-ready"
    what = "Le dossier de sauvegarde n'est pas celui qui a été préparé : le support est absent, ou c'en est un autre."
    gesture = "Branchez le support des sauvegardes. S'il est neuf, lancez « relais-provision backup prepare »."


class DestinationFailed(TransientFault):
    """The folder of backups cannot be read or written."""

    code = "backup-folder-failed"
    who = "votre installateur"
    what = "Le dossier de sauvegarde ne répond pas ou refuse l'écriture."
    gesture = "Vérifiez que le support est branché, qu'il n'est pas protégé et qu'il lui reste de la place."


class DestinationFull(TransientFault):
    """Not enough room where backups go."""

    code = "backup-folder-full"
    who = "votre installateur"
    what = "Il ne reste pas assez de place dans le dossier de sauvegarde ({needed} Mo sont nécessaires)."
    gesture = "Libérez de la place sur ce support, ou prenez-en un plus grand. La dernière sauvegarde entière est gardée."


class NoRoomForSnapshot(TransientFault):
    """The box has no room for a copy of its journal beside its reserve."""

    code = "backup-no-room"
    who = "votre installateur"
    what = "Le boîtier n'a pas la place de copier son journal ({needed} Mo) : la sauvegarde n'est pas faite."
    gesture = "Faites libérer de la place sur le boîtier, puis relancez la sauvegarde."


class SnapshotFailed(TransientFault):
    """The journal could not be copied."""

    code = "backup-snapshot-failed"
    who = "votre installateur"
    what = "Le journal du boîtier n'a pas pu être copié : la sauvegarde n'est pas faite."
    gesture = "Relancez la sauvegarde ; si cela se répète, lancez « relais check »."


class BackupBusy(TransientFault):
    """Another backup of this box is being made."""

    code = "backup-busy"
    what = "Une sauvegarde de ce boîtier est déjà en cours."
    gesture = "Attendez qu'elle se termine."


class BackupNotVerified(TransientFault):
    """What was read back is not what was written."""

    code = "backup-not-verified"
    who = "votre installateur"
    what = "La sauvegarde a été relue et ne correspond pas à ce qui a été écrit : elle n'est pas gardée."
    gesture = "Changez de support : celui-ci est sans doute défaillant."


class BackupNotFound(Refused):
    """No backup there."""

    code = "backup-not-found"
    who = "votre installateur"
    what = "Aucune sauvegarde de Relais ne se trouve à cet endroit."
    gesture = "Vérifiez le dossier ou le nom du fichier."


class BackupDamaged(Refused):
    """The file is no backup, is cut, or was altered."""

    code = "backup-damaged"
    who = "votre installateur"
    what = "Cette sauvegarde est abîmée ou incomplète : elle ne peut pas être restaurée."
    gesture = "Restaurez la sauvegarde précédente du même dossier."


class BackupTooNew(Refused):
    """Written by a version of Relais that this one cannot read."""

    code = "backup-too-new"
    who = "votre installateur"
    what = "Cette sauvegarde a été faite par une version de Relais plus récente ({version}) que celle de ce boîtier."
    gesture = "Mettez ce boîtier à jour, puis recommencez."


class HomeNotEmpty(Refused):
    """The box already serves a practice: a restoration never overwrites one."""

    code = "home-not-empty"
    who = "votre installateur"
    what = "Ce boîtier contient déjà une installation : rien n'a été restauré."
    gesture = "Choisissez un boîtier vide, ou remettez celui-ci aux réglages d'usine."


class OldBoxNotRetired(Refused):
    """Nothing says that the former box is out of service."""

    code = "old-box-not-retired"
    who = "votre installateur"
    what = "Rien ne dit que l'ancien boîtier est hors service : deux boîtiers en marche pourraient envoyer deux fois."
    gesture = (
        "Sur l'ancien boîtier, lancez « relais-provision retire » et donnez ici le reçu ; s'il est détruit ou perdu, "
        "donnez la phrase « l'ancien boîtier est hors service »."
    )


class ReceiptWrong(Refused):
    """The receipt is not one of the box that made this backup."""

    code = "retirement-receipt-wrong"
    who = "votre installateur"
    what = "Ce reçu n'est pas celui de l'ancien boîtier."
    gesture = "Recopiez le reçu donné par « relais-provision retire » sur l'ancien boîtier."


class WrongEnvironment(Refused):
    """A backup of tests on a box of production, or the reverse."""

    code = "backup-wrong-environment"
    who = "votre installateur"
    what = "Cette sauvegarde est celle d'un boîtier de {found}, et non de {wanted}."
    gesture = "Prenez la sauvegarde de l'autre boîtier, ou corrigez l'option --environment."


class RestorationFailed(TransientFault):
    """The disk of the new box refused."""

    code = "restoration-failed"
    who = "votre installateur"
    what = "La restauration s'est arrêtée : le stockage de ce boîtier a refusé l'écriture. Rien n'est en service."
    gesture = "Vérifiez la place libre, puis relancez la même commande : elle recommence depuis le début."
