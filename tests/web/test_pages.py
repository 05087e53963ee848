"""What the page says and does, read without a browser."""

from __future__ import annotations

import io
import zipfile

import pytest

from gateway.kernel.errors import RelaisError
from gateway.model.delivery import DeliveryState
from tests.api.rig import Box, request_part
from tests.web.scenes import (
    a_whole_afternoon,
    all_delivered,
    held_by_hand,
    identity_not_qualified,
    mail_refused,
    titled,
    waiting_for_a_service,
    without_dmp,
)
from tests.web.visit import forms_of, press, signed_in, words_of

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
MATRICULE = "279035121518989"


async def test_an_empty_box_is_friendly(box: Box) -> None:
    async with signed_in(box) as client:
        words = words_of(await client.get("/"))
    assert "Tout est parti" in words
    assert "Aucun document pour le moment." in words
    assert "À traiter" not in words.replace("Tous En cours À traiter", "")


async def test_everything_left(box: Box) -> None:
    await all_delivered(box)
    async with signed_in(box) as client:
        words = words_of(await client.get("/"))
    assert "Tout est parti" in words
    assert "Ordonnance ✓ Terminé PAT-TROIS DOMINIQUE" in words
    assert "DMP du patient (Mon espace santé) ✓ Déposé dans le DMP aujourd'hui à 14 h 05" in words
    assert "dr.martin@medecin.relais.test ✓ Confié à la messagerie" in words


async def test_what_is_on_its_way_asks_nothing(box: Box) -> None:
    await waiting_for_a_service(box)
    async with signed_in(box) as client:
        words = words_of(await client.get("/"))
    assert "Tout va bien 3 envois sont en route." in words
    assert "Sera réessayé prochain essai aujourd'hui à 14 h 17" in words


async def test_the_work_list_says_who_what_and_which_gesture(box: Box) -> None:
    await without_dmp(box)
    async with signed_in(box) as client:
        words = words_of(await client.get("/"))
    assert "Un envoi demande une action" in words
    assert "Ce patient n'a pas de DMP (Mon espace santé). Qui le secrétariat À faire Proposez au patient" in words
    assert "Réessayer" in words


async def test_a_whole_afternoon_is_counted(box: Box) -> None:
    await a_whole_afternoon(box)
    async with signed_in(box) as client:
        page = await client.get("/")
    words = words_of(page)
    assert "5 envois demandent une action" in words
    assert "DMP ! ne répond pas Le service appelé ne répond pas pour le moment." in words
    assert "Messagerie MSSanté ✓ répond" in words
    assert len(page.content) < 50_000


async def test_an_unqualified_identity_offers_no_button_that_would_fail(box: Box) -> None:
    receipt = await identity_not_qualified(box)
    async with signed_in(box) as client:
        page = await client.get("/")
    assert "qualifiez l'INS du patient" in words_of(page)
    offered = [one.action for one in forms_of(page) if receipt["id"] in one.action]
    assert offered == [f"/documents/{receipt['id']}/annuler"]


async def test_retry_from_the_work_list_comes_back_to_it(box: Box) -> None:
    receipt = await without_dmp(box)
    async with signed_in(box) as client:
        page = await press(client, await client.get("/"), "/reessayer")
        again = await client.get("/")
    assert page.url.path == "/"
    assert "L'envoi est relancé." in words_of(page)
    assert "L'envoi est relancé." not in words_of(again)
    record = await box.store.delivery(receipt["deliveries"][0]["id"])
    assert record is not None
    assert record.state is DeliveryState.QUEUED


async def test_release_from_the_document_comes_back_to_it(box: Box) -> None:
    receipt = await held_by_hand(box)
    async with signed_in(box) as client:
        page = await press(client, await client.get(f"/documents/{receipt['id']}"), "/liberer")
    assert page.url.path == f"/documents/{receipt['id']}"
    assert "L'envoi est libéré" in words_of(page)
    assert "Envoi libéré – dr.martin@medecin.relais.test par ce poste" in words_of(page)


async def test_set_aside_then_cancelled(box: Box) -> None:
    receipt = await box.accept(request_part(deliver={"dmp": True}))
    async with signed_in(box) as client:
        page = await press(client, await client.get(f"/documents/{receipt['id']}"), "/attendre")
        assert "Mis en attente" in words_of(page)
        page = await press(client, page, "/annuler")
    words = words_of(page)
    assert "Le document est annulé" in words
    assert "– Annulé" in words
    assert not [one for one in forms_of(page) if receipt["id"] in one.action]


async def test_a_refused_delivery_is_given_up_and_leaves_the_work_list(box: Box) -> None:
    await mail_refused(box)
    async with signed_in(box) as client:
        page = await press(client, await client.get("/"), "/abandonner")
    words = words_of(page)
    assert "Cet envoi est abandonné." in words
    assert "Tout est parti" in words


async def test_a_gesture_that_comes_too_late_is_explained(box: Box) -> None:
    receipt = await held_by_hand(box)
    async with signed_in(box) as client:
        stale = await client.get("/")
        await press(client, stale, "/liberer")
        page = await press(client, stale, "/liberer")
    assert "Ce geste n'est pas possible : l'envoi est dans l'état « en file »." in words_of(page)
    assert receipt["id"] in page.text


async def test_cancelling_what_has_left_is_explained(box: Box) -> None:
    receipt = await box.accept()
    async with signed_in(box) as client:
        stale = await client.get(f"/documents/{receipt['id']}")
        await box.move(receipt["deliveries"][0]["id"], DeliveryState.DELIVERED)
        page = await press(client, stale, "/annuler")
    assert "Le document est déjà parti vers au moins un destinataire" in words_of(page)


@pytest.mark.parametrize("path", ["", "/preuve"])
async def test_the_document_of_another_workstation_does_not_exist(box: Box, path: str) -> None:
    receipt = await box.accept(titled("Secret"), token=box.other_token)
    async with signed_in(box) as client:
        assert "Secret" not in (await client.get("/")).text
        answer = await client.get(f"/documents/{receipt['id']}{path}")
    assert answer.status_code == 404
    assert "n'appartient pas à ce poste" in words_of(answer)


async def test_a_gesture_on_the_document_of_another_workstation_does_nothing(box: Box) -> None:
    receipt = await box.accept(token=box.other_token)
    mine = await box.accept()
    async with signed_in(box) as client:
        fields = forms_of(await client.get("/"))[0].fields
        for path in (
            f"/documents/{receipt['id']}/annuler",
            f"/documents/{mine['id']}/envois/{receipt['deliveries'][0]['id']}/attendre",
        ):
            answer = await client.post(path, data=fields)
            assert answer.status_code == 303
    states = {one.state for one in await box.store.deliveries_of(receipt["id"])}
    assert states == {DeliveryState.QUEUED}


async def test_the_detail_tells_the_whole_story(box: Box) -> None:
    receipt = await mail_refused(box)
    async with signed_in(box) as client:
        words = words_of(await client.get(f"/documents/{receipt['id']}"))
    assert "L'adresse du destinataire n'existe pas." in words
    assert "La messagerie a pris le message en charge" in words
    assert "Document reçu et enregistré par ce poste" in words
    assert "Essai sans succès – dr.martin@medecin.relais.test par Relais" in words
    assert f"Référence : {receipt['document_unique_id']}" in words


async def test_texts_of_others_stay_texts(box: Box) -> None:
    await box.accept(titled("<script>alert(1)</script> \"'&amp;"))
    async with signed_in(box) as client:
        page = await client.get("/")
    assert "<script" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &#34;&#39;&amp;amp;" in page.text


async def test_the_matricule_is_nowhere_on_the_page(box: Box) -> None:
    receipt = await all_delivered(box)
    async with signed_in(box) as client:
        for path in ("/", f"/documents/{receipt['id']}"):
            assert MATRICULE not in (await client.get(path)).text


async def test_the_proof_is_a_zip_to_be_saved(box: Box) -> None:
    receipt = await box.accept()
    async with signed_in(box) as client:
        answer = await client.get(f"/documents/{receipt['id']}/preuve")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["cache-control"] == "no-store"
    assert {"recepisse.json", "journal.jsonl"} <= set(zipfile.ZipFile(io.BytesIO(answer.content)).namelist())


async def test_the_list_is_chosen_by_state_and_local_number(box: Box) -> None:
    await all_delivered(box, "Terminée")
    await box.accept(titled("Autre dossier", patient={**request_part()["patient"], "local_id": "P-7"}))
    async with signed_in(box) as client:
        done = words_of(await client.get("/", params={"etat": "termines"}))
        chosen = words_of(await client.get("/", params={"dossier": " P-7 "}))
        nothing = words_of(await client.get("/", params={"dossier": "P-8"}))
    assert "Terminée" in done
    assert "Autre dossier" not in done
    assert "Autre dossier" in chosen
    assert "Terminée" not in chosen
    assert "Aucun document ne correspond à ce choix." in nothing


async def test_older_documents_are_one_page_further(box: Box) -> None:
    for number in range(22):
        await box.accept(titled(f"Document {number:02d}", deliver={"dmp": True}))
    async with signed_in(box) as client:
        first = await client.get("/")
        cursor = first.text.split("avant=")[1].split('"')[0]
        second = words_of(await client.get("/", params={"avant": cursor}))
    assert "Document 21" in words_of(first)
    assert "Document 01" not in words_of(first)
    assert "Document 01" in second
    assert "Document 02" not in second


@pytest.mark.parametrize("query", ["etat=n-importe-quoi", "avant=-1", "avant=²", "avant=99999999999999999999", "inconnu=1", "etat="])
async def test_an_odd_address_shows_the_list_all_the_same(box: Box, query: str) -> None:
    await box.accept()
    async with signed_in(box) as client:
        answer = await client.get(f"/?{query}")
    assert answer.status_code == 200
    assert "Ordonnance" in words_of(answer)


@pytest.mark.parametrize("path", ["/inconnu", "/documents/pas-un-identifiant", "/static/rien.css", "/documents/a/b/c/d"])
async def test_an_unknown_address_is_said_in_french(box: Box, path: str) -> None:
    async with signed_in(box) as client:
        answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith(("text/html", "application/problem+json"))
    assert "n'existe p" in words_of(answer)


async def test_a_journal_out_of_order_is_said_on_a_page(box: Box) -> None:
    async with signed_in(box) as client:
        box.store.accepting = False
        answer = await client.get("/")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert "Relais n'accepte plus de documents pour le moment" in words_of(answer)


async def test_a_defect_shows_nothing_of_itself(box: Box, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("PAT-TROIS")

    monkeypatch.setattr(type(box.relay.reader), "summaries", broken)
    async with signed_in(box) as client:
        answer = await client.get("/")
    assert answer.status_code == 500
    assert RelaisError.code in words_of(answer)
    assert "PAT-TROIS" not in answer.text
    shown = capsys.readouterr()
    assert "ValueError" in shown.out + shown.err
    assert "PAT-TROIS" not in shown.out + shown.err


@pytest.mark.parametrize("path", ["/", "/connexion", "/inconnu"])
async def test_every_page_is_strict_and_kept_by_nobody(box: Box, path: str) -> None:
    async with signed_in(box) as client:
        answer = await client.get(path)
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in answer.headers


async def test_the_style_sheet_changes_its_address_with_its_content(box: Box) -> None:
    async with box.client(None) as client:
        page = await client.get("/connexion")
        address = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
        answer = await client.get(address)
    assert address.startswith("/static/relais.css?v=")
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert len(answer.content) < 20_000
