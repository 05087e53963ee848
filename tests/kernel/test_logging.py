from __future__ import annotations

import pytest

from gateway.kernel.logging import redact


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
