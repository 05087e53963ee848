"""Wires how documents leave: the two couriers, and the desk that runs their attempts."""

from __future__ import annotations

from gateway.composition.foundations import Foundations
from gateway.flow.allowance import LargePlaces
from gateway.flow.attempt import Courier, Desk
from gateway.flow.dmp_courier import DmpCourier
from gateway.flow.identities.gate import IdentityGate
from gateway.flow.mss_courier import MssCourier
from gateway.model.delivery import Channel
from gateway.remotes import Remotes


def attempt_desk(base: Foundations, remotes: Remotes, boot: str, places: LargePlaces) -> Desk:
    """`boot` marks the attempts of this start, so that those a power cut left can be told from them."""
    configuration, store, books = base.configuration, base.store, base.books
    couriers: dict[Channel, Courier] = {
        Channel.DMP: DmpCourier(configuration, store, base.keys, remotes.dmp, books, base.vault.pseudonym),
        Channel.MSS: MssCourier(remotes.operator, configuration.retry.mail_unknown_wait),
    }
    gate = IdentityGate(store, base.vault, base.identities)
    wait = configuration.dmp.probe_wait_seconds
    return Desk(store, base.blobs, base.custody, books, couriers, gate, configuration.retry, boot, wait, places, base.fence.check)
