"""A certificate in its place without the checks of an import: what an older version, or another hand, may have left there."""

from __future__ import annotations

from datetime import datetime

from gateway.trust.held import Held
from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from tests.trust.pki import AUTH_CLI, STRUCTURE, shared_pki


def seat(keys: KeyStore, role: Role, common_name: str, *, until: datetime | None = None) -> None:
    """A client certificate of this name for the structure of the tests."""
    leaf = shared_pki().issue(AUTH_CLI, common_name=common_name, not_after=until)
    held = Held(leaf.key, leaf.certificate, leaf.issuers)
    keys._keep(STRUCTURE, role, Slot.CURRENT, held)
