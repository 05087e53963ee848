"""What a person is told about barcode scanners: of the tree of `kernel.errors`. Never a byte of what was scanned.

Refused
├── ScannerUnknown            no scanner of that name on this box
├── ScannerNotConnected       unplugged, or held by another program
├── ScannerOfAnother          paired with another workstation
├── ScannerPairedBySetting    paired by relais.toml: a page does not change it
├── ReadingGone               given once already, or older than a minute
└── ScanDamaged               came damaged, cut, too long or too fast: told, and not kept
TransientFault
└── DevicesSilent             the process that owns the devices does not answer
"""

from __future__ import annotations

from gateway.kernel.errors import Refused, TransientFault


class ScannerUnknown(Refused):
    """No scanner of that identifier."""

    code = "scanner-unknown"
    status = 404
    title = "Lecteur de codes inconnu"
    who = "le secrétariat"
    what = "Ce lecteur de codes n'est pas connu du boîtier."
    gesture = "Branchez-le, attendez quelques secondes, puis choisissez-le dans la liste des lecteurs de codes."


class ScannerNotConnected(Refused):
    """It cannot be reached now."""

    code = "scanner-not-connected"
    status = 409
    title = "Lecteur de codes débranché"
    who = "le secrétariat"
    what = "Ce lecteur de codes ne répond pas : il est débranché, ou occupé par un autre programme."
    gesture = "Vérifiez son câble et son alimentation, rebranchez-le, puis recommencez."


class ScannerOfAnother(Refused):
    """Another workstation's: what it scans is not for this one."""

    code = "scanner-of-another"
    status = 409
    title = "Lecteur d'un autre poste"
    who = "le secrétariat"
    what = "Ce lecteur de codes est associé à un autre poste."
    gesture = "Sur l'autre poste, ouvrez « Lecteurs de codes » et utilisez « Ne plus l'associer », puis recommencez ici."


class ScannerPairedBySetting(Refused):
    """relais.toml says whose it is."""

    code = "scanner-paired-by-setting"
    status = 409
    title = "Association fixée par un réglage"
    who = "votre installateur"
    what = "L'association de ce lecteur de codes est fixée dans les réglages du boîtier."
    gesture = "Demandez à votre installateur de la changer dans relais.toml."


class ReadingGone(Refused):
    """A reading is given once, to its workstation, within a minute."""

    code = "reading-gone"
    status = 404
    title = "Lecture expirée"
    who = "le secrétariat"
    what = "Cette lecture n'existe plus : une lecture n'est donnée qu'une fois, dans la minute, au poste associé au lecteur."
    gesture = "Scannez de nouveau le code."


class ScanDamaged(Refused):
    """What the scanner sent cannot be trusted as it came."""

    code = "scan-damaged"
    title = "Lecture abîmée"
    who = "le secrétariat"
    what = "Ce que le lecteur de codes a envoyé est arrivé abîmé ou incomplet : rien n'en a été gardé."
    gesture = "Scannez de nouveau. Si cela continue, essayez le lecteur depuis la page « Lecteurs de codes »."


class ScannerNotPaired(Refused):
    """It scanned, and no workstation is said to listen."""

    code = "scanner-not-paired"
    status = 409
    title = "Lecteur associé à aucun poste"
    who = "le secrétariat"
    what = "Ce lecteur a scanné un code, mais il n'est associé à aucun poste : la lecture a été oubliée."
    gesture = "Sur le poste à côté de ce lecteur, ouvrez « Lecteurs de codes » et utilisez « Associer à ce poste »."


class DevicesSilent(TransientFault):
    """The process that owns scanners does not answer, or this box has none."""

    code = "devices-silent"
    title = "Lecteurs injoignables"
    who = "votre installateur"
    what = "Le service qui s'occupe des lecteurs ne répond pas."
    gesture = "Attendez une minute, puis recommencez. Si cela continue, appelez votre installateur."
