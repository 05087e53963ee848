"""The fence of a home, with its witnesses: beside its backups, and at its own names on the LAN."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway.flow.fencing.fence import Fence, Witness
from gateway.flow.fencing.witnesses import FolderWitness, PeerWitness, peer_addresses
from gateway.kernel.clock import Clock
from gateway.kernel.config import Configuration
from gateway.trust.epoch import own_epoch, signed
from gateway.trust.lan import LanAuthority
from gateway.trust.tls import TlsContext, client_context
from gateway.trust.vault import Vault
from gateway.wire.http import HttpPort


def fence_of(root: Path, configuration: Configuration, vault: Vault, clock: Clock, port: Callable[[TlsContext], HttpPort]) -> Fence:
    """`port` makes a client for one short request. Raises EpochUnreadable."""
    authority, own = LanAuthority(root, vault), own_epoch(root)

    def asked() -> HttpPort:
        return port(client_context(None, authority.certificate_path.read_bytes()))

    addresses = peer_addresses(configuration.listener, configuration.replacement.peers)
    witnesses: list[Witness] = [PeerWitness(one, asked, authority) for one in addresses]
    if configuration.backup.folder is not None:
        witnesses.append(FolderWitness(Path(configuration.backup.folder), own.home, authority))
    every = configuration.replacement.look_seconds
    return Fence(root, own, witnesses, clock, every=every, statement=lambda: signed(own, authority))
