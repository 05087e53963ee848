from __future__ import annotations

import logging

import pytest
import structlog

from gateway.kernel.logging import configure_logging, redact


@pytest.mark.parametrize(
    "text",
    [
        "patient 279035121518989",
        "2 79 ... no: 180032B020401",
        "180032B02040123",
        "to dr.martin@medecin.sandbox.mssante.fr refused",
        "279035121518989@patient.mssante.fr",
    ],
)
def test_what_looks_like_a_matricule_or_an_address_is_blotted(text: str) -> None:
    told = redact(text)
    assert "[…]" in told
    assert "@" not in told
    assert "2790351215189" not in told
    assert "180032B020401" not in told


@pytest.mark.parametrize(
    "text", ["01a20b66-c540-7259-95e3-1dc35c944757", "attempt ended", "2.25.63125727855860341737253383525290278572", "10B0152872/dmp"]
)
def test_identifiers_of_ours_stay(text: str) -> None:
    assert redact(text) == text


def test_the_message_of_an_exception_is_never_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    try:
        int("PAT-" + "TROIS")
    except ValueError:
        structlog.get_logger("relais.proof").exception("unexpected", document="x")
        logging.getLogger("library").exception("unexpected")
    told = capsys.readouterr().err
    assert "TROIS" not in told
    assert told.count("ValueError") == 2
    assert told.count("test_logging.py") == 2
