"""What a person is told once a return to factory settings cannot be taken back: of the tree of `kernel.errors`."""

from __future__ import annotations

from gateway.kernel.errors import Refused


class ResetBegun(Refused):
    """The box stops, and is erased."""

    code = "reset-begun"
    status = 409
    title = "Effacement commencé"
    who = "votre installateur"
    what = "Le délai est passé : le boîtier s'arrête et s'efface. On ne peut plus revenir en arrière."
    gesture = "Laissez-le finir sans le débrancher, puis appelez votre installateur pour le remettre en service."
