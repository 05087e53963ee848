"""Which serial lines are there, and which of them are scanners: by USB identity, never by the name the kernel gave this time.

A line of a maker of scanners is taken by itself; any other one (adapters serve panels, modems and card readers too) only when it is
configured. The identifier is opaque: a digest of maker, product, USB serial number and interface; of the place of the plug for scanners
without a serial number, or once met with the same one; of its path for a line that is not USB. Source: cards.md 3.1; makers by usb.ids
2025.07.26.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final, Protocol

import msgspec
from serial.tools.list_ports import comports

from firmware.scanners.errors import LinesUnreadable

MAKERS: Final = frozenset({0x0536, 0x05E0, 0x05F9, 0x065A, 0x076D, 0x080C, 0x0C2E, 0x1EAB, 0x27DD})
"""USB vendors that make scanners: Hand Held Products and Metrologic (Honeywell), Symbol (Zebra), PSC and Datalogic, Opticon, Denso,
Newland, Mindeo."""

_LONGEST_NAME: Final = 60


class ScannerRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines the watch takes, beside those of known makers."""

    lines: tuple[str, ...] = ()
    """Paths, such as /dev/ttyS0 or /dev/serial/by-id/…, or identifiers."""
    ignored: tuple[str, ...] = ()
    """Paths or identifiers never to be opened, makers of scanners included."""


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """A serial line that is there now."""

    id: str
    name: str
    """For people: maker and product, or the path."""
    path: str
    """To open it; changes from one plugging to the next."""
    used: bool = True
    """False for a line nobody said is a scanner: it is told, never opened."""
    shared: str | None = None
    """The identifier it would have, did another line not bear the same serial number: it names no single scanner."""


class PortFacts(Protocol):
    """What the system tells of a line; pyserial's ListPortInfo."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None
    location: str | None
    manufacturer: str | None
    product: str | None


def opaque(identity: str) -> str:
    """The identifier of what this text identifies."""
    return "scanner-" + hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()[:10]


def found(rules: ScannerRules, twins: Collection[str] = ()) -> tuple[Port, ...]:
    """The lines that are there now; reads /sys and /dev. `twins`: identifiers once borne by two lines at a time. Raises LinesUnreadable."""
    try:
        return ports_of([*comports(include_links=False)], rules, twins)
    except (OSError, TypeError, ValueError) as problem:  # pyserial meets half a device when one is unplugged while it looks
        raise LinesUnreadable(type(problem).__name__) from None


def ports_of(listed: Sequence[PortFacts], rules: ScannerRules, twins: Collection[str] = ()) -> tuple[Port, ...]:
    """The lines listed by the system and the configured ones that are there, each once."""
    usb = [one for one in listed if one.vid is not None]
    bearers = Counter(opaque(_identity(one)) for one in usb)
    twice = {name for name, count in bearers.items() if count > 1} | set(twins)
    ports = {os.path.realpath(one.device): _usb_port(one, rules, twice) for one in usb}
    for line in rules.lines:
        target = os.path.realpath(line)
        if "/" in line and target not in ports and os.path.exists(target):  # noqa: PTH110 - a path of /dev, not a file
            ports[target] = Port(id=opaque(f"line {line}"), name=line.rsplit("/", 1)[-1], path=line)
    return tuple(one for target, one in ports.items() if not _names(rules.ignored, one, target))


def _usb_port(facts: PortFacts, rules: ScannerRules, twice: Collection[str]) -> Port:
    own = opaque(_identity(facts))
    shared = own if own in twice else None
    identifier = opaque(f"{_identity(facts)} at {facts.location}") if shared else own
    port = Port(id=identifier, name=_name(facts), path=facts.device, shared=shared)
    known = facts.vid in MAKERS or _names(rules.lines, port, os.path.realpath(facts.device))
    return port if known else msgspec.structs.replace(port, used=False)


def _identity(facts: PortFacts) -> str:
    interface = (facts.location or "").partition(":")[2]
    where = facts.serial_number or f"at {facts.location}"
    return f"usb {facts.vid:04x}:{facts.pid or 0:04x} {where} {interface}"


def _name(facts: PortFacts) -> str:
    said = " ".join(part for part in (facts.manufacturer, facts.product) if part)
    clean = " ".join("".join(sign if sign.isprintable() else " " for sign in said).split())
    return clean[:_LONGEST_NAME] or facts.device.rsplit("/", 1)[-1]


def _names(said: Collection[str], port: Port, target: str) -> bool:
    return any(one == port.id or ("/" in one and os.path.realpath(one) == target) for one in said)
