"""`python -m gateway.egress.ports FILE`: what nft is told to open outwards the ports of the services of relais.toml, and no other."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from gateway.egress.rules import LISTS, Rules, rules_of
from gateway.kernel.config import read_configuration
from gateway.kernel.errors import RelaisError


def ports_of(rules: Rules) -> tuple[int, ...]:
    """In order; that of revocation lists always."""
    return tuple(sorted({LISTS, *(one.port for one in rules.named)}))


def told(ports: Iterable[int]) -> str:
    """The set `services` of systemd/nftables/relais.nft, whatever it held."""
    elements = ", ".join(str(one) for one in ports)
    return f"flush set inet relais services\nadd element inet relais services {{ {elements} }}\n"


def main(arguments: list[str]) -> int:
    """0 when it was printed; 2 when the file cannot be read."""
    try:
        rules = rules_of(read_configuration(Path(arguments[0])))
    except (RelaisError, IndexError) as problem:
        print(getattr(problem, "code", "file-not-named"), file=sys.stderr)  # noqa: T201 - a program of its own
        return 2
    print(told(ports_of(rules)), end="")  # noqa: T201 - a program of its own
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
