"""A real pcscd with readers and cards of our own, out of reach of everything else on the machine.

    with CardRig() as rig:                       # start(), stop()
        rig.insert(0, CpsCard())                 # the card lives in this process: look at card.log, set card.tear_at
        ... run something with rig.environment in its environment: it finds this pcscd, no other
        rig.remove(0)
        rig.restart_pcscd(signal.SIGKILL)        # the readers are empty afterwards, as vpcd drops its cards

pcscd and vpcd live in a network and a mount namespace of their own, because vpcd listens on all addresses. Clients need not be in them:
the socket of pcscd is in a folder of the rig, told by PCSCLITE_CSOCK_NAME. `need_card_rig()` skips by name where namespaces are refused.
Never measured by the clock: an exchange takes 0.1 ms, or 40 when TCP delays an acknowledgement (cards.md section 7).
"""

from tests.rig.cards.rig import CardRig, need_card_rig, why_no_card_rig
from tests.rig.cards.virtual import CpsCard, MuteCard, VirtualCard

__all__ = ["CardRig", "CpsCard", "MuteCard", "VirtualCard", "need_card_rig", "why_no_card_rig"]
