"""From an admitted document to its deliveries: one per destination, held at once when the identity does not allow it to leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from gateway.flow.admitted import Admitted, seal_recipient
from gateway.flow.errors import IdentityNotQualified
from gateway.journal.records import DeliveryRecord
from gateway.journal.sealing import Sealer
from gateway.kernel.ids import new_id
from gateway.model.delivery import Channel, DeliveryState

Pseudonym = Callable[[str, str], str]

PATIENT_MAIL_PENDING = "patient"
"""Recipient of a patient mail whose address is not known yet: it is made from the INS when it is qualified."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where one delivery goes; `address` is None for the DMP."""

    channel: Channel
    address: str | None
    to_patient: bool = False


def destinations(admitted: Admitted, patient_domain: str) -> Iterator[Destination]:
    """The destinations of a document, in the order of the receipt: DMP, patient, professionals without repetition."""
    deliver = admitted.deliver
    if deliver.dmp:
        yield Destination(channel=Channel.DMP, address=None)
    if deliver.patient_mail.send:
        ins = admitted.patient.ins
        address = f"{ins.matricule}@{patient_domain}" if admitted.patient.qualified and ins is not None else PATIENT_MAIL_PENDING
        yield Destination(channel=Channel.MSS, address=address, to_patient=True)
    for address in dict.fromkeys(one.strip().lower() for one in deliver.professionals):
        yield Destination(channel=Channel.MSS, address=address)


def plan_deliveries(
    admitted: Admitted, *, document_id: str, patient_ref: str, patient_domain: str, key: Sealer, pseudonym: Pseudonym, now: int
) -> list[DeliveryRecord]:
    """One record per destination; those that need a qualified identity are held when it is not."""
    return [_plan(one, admitted, document_id, patient_ref, key, pseudonym, now) for one in destinations(admitted, patient_domain)]


def _plan(
    one: Destination, admitted: Admitted, document_id: str, patient_ref: str, key: Sealer, pseudonym: Pseudonym, now: int
) -> DeliveryRecord:
    identifier = new_id()
    recipient_ref = pseudonym("recipient", one.address) if one.address is not None else None
    record = DeliveryRecord(
        id=identifier,
        document_id=document_id,
        structure=admitted.structure,
        channel=one.channel,
        lane=f"{admitted.structure}/{one.channel}",
        order_key=patient_ref if recipient_ref is None else f"{patient_ref}/{recipient_ref}",
        to_patient=one.to_patient,
        recipient_ref=recipient_ref,
        sealed_recipient=seal_recipient(one.address, key, identifier) if one.address is not None else None,
        state=DeliveryState.QUEUED,
        updated_at=now,
    )
    if not record.needs_qualified or admitted.patient.qualified:
        return record
    return msgspec.structs.replace(record, state=DeliveryState.HELD, explanation=IdentityNotQualified().explanation)
