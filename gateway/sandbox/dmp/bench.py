"""What every judgement of the simulated DMP leans on: state, trust, settings, armed faults. Never a rule of its own."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.sandbox.dmp.certificates import TrustStore
from gateway.sandbox.dmp.faults import Faults
from gateway.sandbox.dmp.options import DmpOptions
from gateway.sandbox.dmp.state import DmpState


@dataclass(frozen=True, slots=True)
class Bench:
    """Handed down to the transactions."""

    state: DmpState
    trust: TrustStore
    options: DmpOptions
    faults: Faults
