"""What the practice could find on its page one afternoon: documents in every state, named after what happened to them."""

from __future__ import annotations

from typing import Any

from gateway.flow.errors import HeldByHand
from gateway.kernel.errors import Explanation, TransientFault
from gateway.model.delivery import DeliveryState, ReceiptKind
from tests.api.rig import Box, request_part, unqualified

NO_DMP = Explanation(
    code="no-dmp",
    who="le secrétariat",
    what="Ce patient n'a pas de DMP (Mon espace santé).",
    gesture="Proposez au patient d'ouvrir Mon espace santé ; ensuite, utilisez « Réessayer ».",
)
MAILBOX_UNKNOWN = Explanation(
    code="mailbox-unknown",
    who="le secrétariat",
    what="L'adresse du destinataire n'existe pas.",
    gesture="Vérifiez l'adresse dans l'annuaire, corrigez-la dans le logiciel métier, puis renvoyez le document.",
)


def titled(title: str, **changes: Any) -> dict[str, Any]:
    return request_part(document={**request_part()["document"], "title": title}, **changes)


async def all_delivered(box: Box, title: str = "Ordonnance") -> dict[str, Any]:
    receipt = await box.accept(titled(title))
    for one in receipt["deliveries"]:
        await box.receive(one["id"], ReceiptKind.HANDED_OVER)
    return receipt


async def read_by_its_recipient(box: Box) -> dict[str, Any]:
    receipt = await all_delivered(box, "Lettre d'adressage au cardiologue")
    box.clock.advance(1200)
    await box.receive(receipt["deliveries"][2]["id"], ReceiptKind.READ)
    return receipt


async def identity_not_qualified(box: Box) -> dict[str, Any]:
    return await box.accept(titled("Compte rendu de consultation", patient=unqualified()))


async def without_dmp(box: Box) -> dict[str, Any]:
    receipt = await box.accept(titled("Certificat médical"))
    dmp, *mails = receipt["deliveries"]
    await box.move(dmp["id"], DeliveryState.HELD, NO_DMP, attempts=1)
    for one in mails:
        await box.receive(one["id"], ReceiptKind.HANDED_OVER)
    return receipt


async def mail_refused(box: Box) -> dict[str, Any]:
    receipt = await all_delivered(box, "Bilan biologique <prescription> & suivi")
    await box.move(receipt["deliveries"][2]["id"], DeliveryState.REFUSED, MAILBOX_UNKNOWN, attempts=1)
    return receipt


async def held_by_hand(box: Box) -> dict[str, Any]:
    receipt = await box.accept(titled("Ordonnance de kinésithérapie"))
    await box.move(receipt["deliveries"][2]["id"], DeliveryState.HELD, HeldByHand())
    return receipt


async def waiting_for_a_service(box: Box) -> dict[str, Any]:
    receipt = await box.accept(titled("Imagerie : demande d'examen"))
    later = box.books.now() + 12 * 60_000
    await box.move(receipt["deliveries"][0]["id"], DeliveryState.QUEUED, TransientFault(), attempts=3, next_attempt_at=later)
    return receipt


async def a_whole_afternoon(box: Box) -> None:
    """One of each; the DMP does not answer."""
    await all_delivered(box)
    await read_by_its_recipient(box)
    await identity_not_qualified(box)
    await without_dmp(box)
    await mail_refused(box)
    await held_by_hand(box)
    box.clock.advance(3600)
    await waiting_for_a_service(box)
    for channel in ("dmp", "mss"):
        box.scheduler.notify(f"{box.configuration.structures[0].id}/{channel}")
    dead = next(one for one in box.scheduler.lanes() if one.name.endswith("dmp"))
    for _ in range(3):
        dead.account(TransientFault())
