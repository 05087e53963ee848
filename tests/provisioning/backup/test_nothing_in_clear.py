"""Not a key, a token, a secret, the phrase or a health datum in the bytes of a backup, in its name, or in what the box keeps of the phrase.
The search is shown to find them: they are all in the opened stream.
"""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gateway.model.delivery import Channel, DeliveryState
from provisioning.backup.container import plain_pieces, read_header
from provisioning.backup.job import Made, back_up
from provisioning.backup.recipient import found_key
from tests.end_to_end.secrets_sought import found_in, found_under, needles_of_words
from tests.provisioning.backup.homes import DIAGNOSIS, Practice

TOKEN = "jeton-invente-0123456789abcdef"


@pytest.fixture
async def practice(tmp_path: Path) -> Practice:
    made = Practice(tmp_path / "boitier")
    await made.holds((Channel.DMP, DeliveryState.QUEUED, True))
    made.home.workstation_token.write_text(TOKEN)
    return made


def opened(practice: Practice, made: Made) -> bytes:
    with made.path.open("rb") as file:
        header, opening = read_header(file)
        return b"".join(plain_pieces(file, opening, found_key(practice.phrase, header.recipient, header.ephemeral)))


def forms_of(data: bytes, name: str) -> dict[bytes, str]:
    return {data: name, data.hex().encode(): name}


async def test_nothing_shows(practice: Practice, caplog: pytest.LogCaptureFixture) -> None:
    box_key = (practice.home.root / "box.key").read_bytes()
    needles = forms_of(box_key, "box key") | needles_of_words(TOKEN, "token") | needles_of_words("CABINET INVENTE", "structure")
    with caplog.at_level(logging.DEBUG):
        made = back_up(practice.home, practice.configuration, practice.folder)
    assert found_in(opened(practice, made), needles) == {"box key", "token", "structure"}, "the search finds what is there"
    needles |= needles_of_words(practice.phrase.words, "phrase") | needles_of_words(practice.phrase.secret.decode(), "phrase")
    needles |= needles_of_words(DIAGNOSIS.decode(), "diagnosis") | needles_of_words("HOMOLOGATION-INVENTEE", "homologation")
    assert found_under(practice.folder.path, needles) == {}
    assert found_in(caplog.text.encode(), needles) == set()
    kept = {one: (practice.home.root / one).read_bytes() for one in ("backup.json", "backup-state.json", "epoch.json")}
    assert found_in(b"".join(kept.values()), needles) == set()


async def test_the_phrase_is_nowhere_in_the_home(practice: Practice) -> None:
    back_up(practice.home, practice.configuration, practice.folder)
    needles = needles_of_words(practice.phrase.words, "phrase") | needles_of_words(practice.phrase.secret.decode(), "phrase")
    assert found_under(practice.home.root, needles) == {}
    assert not (practice.home.root / "backup-work").exists(), "the copy of the journal goes"
