"""Where the box may go: the addresses that its settings name, wherever in them, and revocation lists of public addresses over plain HTTP.

The lists are published where the certificates say (cda_signing.md 4.4), which no setting knows; they are signed, and their port is the
only one that is open to a stranger. An address of the practice's own network, or of this machine, is reached when a setting names it only;
the names of the box itself are among them: it asks there whether another box took its place.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from gateway.egress.protocol import Place
from gateway.kernel.config import Configuration, Listener

_PORTS = {"http": 80, "https": 443}
LISTS = 80


class Rules(msgspec.Struct, frozen=True):
    """What the settings of a box allow."""

    named: frozenset[Place]

    def allows(self, place: Place) -> bool:
        """True when somebody may ask for it at all."""
        return place in self.named or place.port == LISTS

    def allows_address(self, place: Place, address: str) -> bool:
        """True when this address, which the name was found to have, may be spoken to."""
        return place in self.named or ipaddress.ip_address(address.partition("%")[0]).is_global


def rules_of(configuration: Configuration) -> Rules:
    """Every address of the settings, those of sections that are yet to be written included."""
    return Rules(frozenset(_places(configuration)))


def _places(value: object) -> Iterator[Place]:
    match value:
        case str():
            yield from _place_of_url(value)
        case tuple():
            for one in value:
                yield from _places(one)
        case Listener():
            yield from (Place(host.lower(), port) for host, port in value.elsewhere)
        case msgspec.Struct():
            host, port = getattr(value, "host", None), getattr(value, "port", None)
            if isinstance(host, str) and isinstance(port, int):
                yield Place(host.lower(), port)
            for name in value.__struct_fields__:
                yield from _places(getattr(value, name))


def _place_of_url(text: str) -> Iterator[Place]:
    if not text.lower().startswith(("http://", "https://")):
        return
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    except ValueError:
        return
    if host:
        yield Place(host, port)
