"""What a person is told about the front of the box, the pairing of workstations and its button: of the tree of `kernel.errors`.

Refused
├── PairingClosed             a workstation asks for its token while nobody opened the window
└── PairingReserved           only the button and the operator open or close it, or take a request of the button back
TransientFault
├── PanelSilent               the front panel this box is set to have does not answer
└── PanelCannotReset          the watchdog is asked for, and what shows the lamps has none
"""

from __future__ import annotations

from gateway.kernel.errors import Refused, TransientFault


class PairingClosed(Refused):
    """Nobody has just pressed the button, or a workstation was paired since."""

    code = "pairing-closed"
    status = 403
    title = "Association fermée"
    who = "le secrétariat"
    what = "L'association d'un poste n'est pas ouverte : le boîtier ne donne pas de jeton."
    gesture = (
        "Appuyez brièvement sur le bouton du boîtier, ou ouvrez l'association depuis la page « Boîtier » de l'accès installateur, "
        "puis recommencez aussitôt."
    )


class PairingReserved(Refused):
    """A workstation that is paired does not let others in by itself."""

    code = "pairing-reserved"
    status = 403
    title = "Réservé à l'accès installateur"
    who = "votre installateur"
    what = "Ce geste ne se fait que devant le boîtier, ou depuis l'accès installateur."
    gesture = "Appuyez brièvement sur le bouton du boîtier, ou demandez à votre installateur."


class PanelSilent(TransientFault):
    """Unplugged, not found, or its line cannot be opened."""

    code = "panel-silent"
    title = "La façade ne répond pas"
    who = "votre installateur"
    what = "La façade du boîtier (ses voyants et son bouton) ne répond pas ; tout le reste marche."
    gesture = "Vérifiez que la façade est branchée au boîtier, et que le réglage « panel » dit comment ; elle est retrouvée toute seule."


class PanelCannotReset(TransientFault):
    """[devices] panel_watchdog_seconds is set on a box whose panel cannot reset it."""

    code = "panel-cannot-reset"
    title = "Pas de chien de garde"
    who = "votre installateur"
    what = "Le redémarrage d'un boîtier figé est demandé, mais les voyants de ce boîtier ne savent pas le faire."
    gesture = "Montez une façade qui le sait, ou retirez « panel_watchdog_seconds » des réglages."
