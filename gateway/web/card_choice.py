"""The professional's card beside whoever looks at the page: offered to call INSi with, when there is one and the box may."""

from __future__ import annotations

import msgspec

from gateway.flow.caller import Caller
from gateway.flow.cards.request import CardAccess, raw_pin
from gateway.flow.relay import Relay
from gateway.kernel.errors import RelaisError

CODE = "code"
"""The field of a form that holds a PIN: taken out before anything is remembered of the form (faults)."""


class CardChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A card that may be used now."""

    reader: str
    insertion_id: str
    holder: str
    last_try: bool
    pad: bool
    """True: its PIN is typed on the reader."""


async def card_choice(relay: Relay, caller: Caller) -> CardChoice | None:
    """The first usable CPx in a reader of this desk; None without one, whatever the reason: the page « Lecteurs et cartes » tells it."""
    if not relay.searches.takes_cards:
        return None
    try:
        for reader in await relay.cards.readers(caller):
            if reader.paired != "here" or reader.card is None or reader.card.kind != "cpx":
                continue
            insertion = reader.card.insertion_id
            card = await relay.cards.card(caller, reader.id)
            if card.tries_left == 0 or card.test is None:
                continue
            holder = await relay.cards.holder(caller, reader.id, insertion)
            name = " ".join(part for part in (holder.given, holder.family) if part)
            return CardChoice(reader=reader.id, insertion_id=insertion, holder=name, last_try=card.tries_left == 1, pad=reader.pin_pad)
    except RelaisError:
        return None
    return None


def access_of(fields: dict[str, str]) -> CardAccess:
    """The card that a form names, with its PIN, which leaves the form. Text cannot be overwritten in Python: it is dropped at once."""
    typed = fields.pop(CODE, "").strip()
    pin = raw_pin(bytearray(typed.encode())) if typed else msgspec.Raw()
    return CardAccess(
        reader=fields.get("lecteur", ""),
        insertion_id=fields.get("insertion", ""),
        pin=pin,
        accept_last_try=fields.get("dernier") == "oui",
    )
