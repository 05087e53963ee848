"""Masking and invisibility: decided once, applied to every channel by one exhaustive table (design, rule 8).

Sources: mssante.md 2.4 (who may receive; a paraphrase of the national rules, read conservatively), dmp.md 3.4.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.kernel.errors import Refused


class VisibilityConflict(Refused):
    """The asked recipients are not those that the masking allows."""

    code = "visibility-conflict"
    title = "Masquage et destinataires incompatibles"
    who = "le professionnel"
    what = "Le masquage demandé interdit un des destinataires : {reason}."
    gesture = "Retirez ce destinataire ou changez le masquage, puis renvoyez le document."


class Visibility(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the author asked about who may see the document."""

    masked_to_professionals: bool = False
    hidden_from_patient: bool = False
    hidden_from_representatives: bool = False
    reveal_to_patient_at: datetime | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """The metadata codes (system 1.2.250.1.213.1.1.4.13), in a fixed order."""
        asked = (
            (self.masked_to_professionals, "MASQUE_PS"),
            (self.hidden_from_patient, "INVISIBLE_PATIENT"),
            (self.hidden_from_representatives, "INVISIBLE_REPRESENTANTS_LEGAUX"),
        )
        return tuple(code for wanted, code in asked if wanted)


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Who may receive a document under one combination of masking; a French reason wherever the answer is no."""

    dmp: str | None = None
    patient: str | None = None
    professionals: str | None = None
    together: str | None = None
    """Reason why patient and professionals may not both receive it."""


_BOTH = "un document ne peut pas être à la fois masqué aux professionnels et invisible du patient"
_MASKED = "un document masqué aux professionnels ne part pas vers leur messagerie"
_HIDDEN = "un document invisible du patient ne part pas vers sa messagerie"
_CHILD = "un document invisible des représentants légaux ne part pas par messagerie"

_TABLE: dict[tuple[bool, bool, bool], Audience] = {
    (False, False, False): Audience(),
    (True, False, False): Audience(professionals=_MASKED, together=_MASKED),
    (False, True, False): Audience(patient=_HIDDEN, together=_HIDDEN),
    (False, False, True): Audience(patient=_CHILD, professionals=_CHILD, together=_CHILD),
    (True, True, False): Audience(dmp=_BOTH, patient=_BOTH, professionals=_BOTH, together=_BOTH),
    (True, False, True): Audience(patient=_CHILD, professionals=_MASKED, together=_CHILD),
    (False, True, True): Audience(patient=_HIDDEN, professionals=_CHILD, together=_HIDDEN),
    (True, True, True): Audience(dmp=_BOTH, patient=_BOTH, professionals=_BOTH, together=_BOTH),
}


def audience(visibility: Visibility) -> Audience:
    """The row of the table for this combination."""
    return _TABLE[(visibility.masked_to_professionals, visibility.hidden_from_patient, visibility.hidden_from_representatives)]


def check_recipients(visibility: Visibility, *, dmp: bool, patient: bool, professionals: bool) -> None:
    """Raises VisibilityConflict when one of the asked channels is closed by the masking; `field` names the channel."""
    row = audience(visibility)
    if visibility.reveal_to_patient_at is not None and not visibility.hidden_from_patient:
        raise VisibilityConflict(
            field="visibility.reveal_to_patient_at", reason="une date de levée suppose un document invisible du patient"
        )
    for asked, reason, field in (
        (dmp, row.dmp, "deliver.dmp"),
        (patient, row.patient, "deliver.patient_mail"),
        (professionals, row.professionals, "deliver.professionals"),
        (patient and professionals, row.together, "deliver"),
    ):
        if asked and reason is not None:
            raise VisibilityConflict(field=field, reason=reason)
