"""The whole table of mssante.md 2.4, combination by combination, against a reading of it written apart."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from gateway.model.visibility import Visibility, VisibilityConflict, check_recipients

# masked, hidden from patient, hidden from representatives -> (dmp, patient alone, professionals alone, both)
EXPECTED = {
    (False, False, False): (True, True, True, True),
    (False, True, False): (True, False, True, False),
    (True, False, False): (True, True, False, False),
    (False, False, True): (True, False, False, False),
    (True, True, False): (False, False, False, False),
    (True, False, True): (True, False, False, False),
    (False, True, True): (True, False, False, False),
    (True, True, True): (False, False, False, False),
}


def allowed(masks: tuple[bool, bool, bool], **recipients: bool) -> bool:
    asked = {"dmp": False, "patient": False, "professionals": False, **recipients}
    visibility = Visibility(masked_to_professionals=masks[0], hidden_from_patient=masks[1], hidden_from_representatives=masks[2])
    try:
        check_recipients(visibility, **asked)
    except VisibilityConflict:
        return False
    return True


@pytest.mark.parametrize("masks", list(product((False, True), repeat=3)))
def test_every_combination(masks: tuple[bool, bool, bool]) -> None:
    found = (
        allowed(masks, dmp=True),
        allowed(masks, patient=True),
        allowed(masks, professionals=True),
        allowed(masks, patient=True, professionals=True),
    )
    assert found == EXPECTED[masks]


def test_the_closed_channel_is_named() -> None:
    with pytest.raises(VisibilityConflict) as refusal:
        check_recipients(Visibility(hidden_from_patient=True), dmp=True, patient=True, professionals=False)
    assert refusal.value.field == "deliver.patient_mail"
    assert "invisible du patient" in refusal.value.explanation.what


def test_a_date_of_disclosure_needs_something_hidden() -> None:
    with pytest.raises(VisibilityConflict):
        check_recipients(Visibility(reveal_to_patient_at=datetime.now(UTC)), dmp=True, patient=False, professionals=False)


def test_codes_of_the_metadata() -> None:
    assert Visibility(masked_to_professionals=True, hidden_from_representatives=True).codes == (
        "MASQUE_PS",
        "INVISIBLE_REPRESENTANTS_LEGAUX",
    )
