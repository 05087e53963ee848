"""The names of a box on its network: DNS names and IP addresses, and what the LAN authority may vouch for."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from cryptography import x509

from gateway.trust.certificate import extension

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LOCAL_DOMAINS = ("local", "localhost", "lan", "home.arpa", "internal")
_LOCAL_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128")


def names_of(names: Iterable[str]) -> dict[str, x509.GeneralName | None]:
    """Each configured name as a certificate writes it; None for what is neither an IP address nor a DNS name."""
    return {name: _general_name(name) for name in names}


def permitted(names: Sequence[x509.GeneralName]) -> list[x509.GeneralName]:
    """Local domains, private networks, and the given names that are in neither."""
    local: list[x509.GeneralName] = [x509.DNSName(domain) for domain in _LOCAL_DOMAINS]
    local += [x509.IPAddress(ipaddress.ip_network(network)) for network in _LOCAL_NETWORKS]
    return local + [_subtree(name) for name in names if not any(_covers(one, name) for one in local)]


def is_covered(name: x509.GeneralName, authority: x509.Certificate) -> bool:
    """True when the authority's name constraints allow that name."""
    constraints = extension(authority, x509.NameConstraints)
    return constraints is None or any(_covers(one, name) for one in constraints.permitted_subtrees or ())


def spoken(name: x509.GeneralName) -> str:
    """A name as a person writes it."""
    return str(name.value)


def _general_name(name: str) -> x509.GeneralName | None:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    text = name.lower().rstrip(".")
    if len(text) > 253 or not text or not all(_LABEL.fullmatch(label) for label in text.split(".")):
        return None
    return x509.DNSName(text)


def _subtree(name: x509.GeneralName) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_network(str(name.value))) if isinstance(name, x509.IPAddress) else name


def _covers(subtree: x509.GeneralName, name: x509.GeneralName) -> bool:
    if isinstance(subtree, x509.DNSName) and isinstance(name, x509.DNSName):
        return name.value == subtree.value or name.value.endswith(f".{subtree.value}")
    if isinstance(subtree, x509.IPAddress) and isinstance(name, x509.IPAddress):
        network, address = subtree.value, name.value
        if isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network):
            return not isinstance(address, ipaddress.IPv4Network | ipaddress.IPv6Network) and address in network
    return False
