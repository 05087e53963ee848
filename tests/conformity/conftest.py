"""One outing per run: everything is sent once, then judged by many tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cda.rig import Judge
from tests.conformity import cases
from tests.conformity.boxes import SUITES, Outing, outing
from tests.conformity.people import EVERYDAY, odd_patients
from tests.conformity.ready import READY_INS, sample_patients


@pytest.fixture(scope="session")
def judge() -> Judge:
    """The official rules on a CDA, loaded once."""
    return Judge()


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outing]:
    """Everything sent, every delivery at its end, what the sandbox received kept."""
    with outing(tmp_path_factory.mktemp("outing")) as running:
        template = EVERYDAY[0].known()
        people = [one.known() for one in (*EVERYDAY, *(who for who, _ in odd_patients(cases.SAMPLED_NAMES)))]
        identifiers = [{"oid": READY_INS.oid, "matricule": READY_INS.matricule}, *sample_patients()]
        for person in (*people, *(template | {"ins": one} for one in identifiers)):
            running.sandbox.control("/patients", person)
        running.send(SUITES[0], cases.everything())
        for suite in SUITES[1:]:
            running.send(suite, list(cases.suite()))
        yield running
