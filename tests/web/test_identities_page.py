"""The pages of identities read and filled in without a browser: what they say, refuse, and let nobody else do (insi.md 4)."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.ins.answer import NationalIdentity
from gateway.ins.evidence import ATTESTATION
from gateway.model.delivery import DeliveryState
from gateway.model.patient import Ins
from gateway.web.marked_text import marked_texts
from tests.api.practice import AS_DOCTOR, PIERRE, SECRETARY, act, ask, neighbour, open_practice, put, read, search
from tests.api.rig import AUTHOR, OTHER_STRUCTURE, Box
from tests.api.teleservice import Teleservice
from tests.trust.pki import STRUCTURE
from tests.web.patients import (
    by_card,
    confirming,
    contradicted,
    doubtful,
    held,
    longer_list,
    lunar,
    other_given_name,
    recovered,
    states,
    unknown_to_insi,
    where,
)
from tests.web.visit import fill, forms_of, press, signed_in, words_of


def rows_of(page: httpx.Response) -> dict[str, list[str]]:
    """The lines of the table of both sides: what each cell says, by trait; what is marked stands between brackets."""
    found: dict[str, list[str]] = {}
    for row in re.findall(r'<tr class="\w+">(.*?)</tr>', page.text, re.DOTALL):
        marked = re.sub(r"</?mark>", lambda tag: "]" if tag[0].startswith("</") else "[", row)
        cells = [" ".join(re.sub(r"<[^>]+>", "", one).split()) for one in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", marked, re.DOTALL)]
        found[cells[0]] = cells[1:]
    return found


async def test_the_work_list_has_one_line_for_each_patient_longest_waiting_first(practice: Box) -> None:
    await recovered(practice)
    await held(practice)
    practice.clock.advance(3600)
    await longer_list(practice)
    await unknown_to_insi(practice)
    async with signed_in(practice) as client:
        page = await client.get("/identites")
        chosen = await client.get("/identites?tache=a-decider")
    lines = [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in re.findall(r"<tr>(.*?)</tr>", html.unescape(page.text), re.DOTALL)][
        1:
    ]
    assert lines == [
        "ADRUN ZOE 31/12/1975 P-1 aujourd'hui à 14 h 05 2 envois attendent ! À qualifier",
        "ECETINSI Pierre-Alain 14/07/2009 P-2 aujourd'hui à 15 h 05 ! À décider",
        "Inconnue Éva 31/12/1975 P-5 aujourd'hui à 15 h 05 ! À rechercher",
    ]
    assert "Toutes 3" in words_of(page)
    assert "ADRUN" not in words_of(chosen)
    assert "ECETINSI" in words_of(chosen)


async def test_both_identities_are_side_by_side_and_what_differs_is_a_word_a_sign_and_a_mark(practice: Box, insi: Teleservice) -> None:
    await other_given_name(practice, insi)
    async with signed_in(practice) as client:
        page = await client.get(where("P-3"))
    rows = rows_of(page)
    assert rows["Nom de naissance"] == ["Durand", "DURAND", "≈ Écrit autrement"]
    assert rows["Premier prénom"] == ["[Jeanne]", "[MARIE]", "≠ Différent"]
    assert rows["Prénoms de naissance"] == ["Jeanne", "[MARIE] JEANNE", "≠ Différent"]
    assert rows["Sexe"] == ["Féminin", "Féminin", "= Identique"]
    assert rows["Date de naissance"] == ["[31]/12/1975", "[30]/12/1975", "≠ Différent"]
    assert rows["Matricule INS"] == ["–", "2 75 12 63 220 749 74 (NIR)", "+ Complété par INSi"]
    words = words_of(page)
    assert "3 traits ne sont pas les mêmes. Comparez avec la pièce d'identité avant de décider." in words
    assert "Le premier prénom de naissance ne correspond pas au début de la liste" in words


async def test_the_first_given_name_that_insi_gives_only_in_its_list_is_no_difference(practice: Box, insi: Teleservice) -> None:
    """Since 2022 the answer has no first given name apart: the list begins with it, and that is all there is to say."""
    await put(practice, "P-2", PIERRE)
    assert (await search(practice, {"local_id": "P-2"})).json()["proposal"] is not None
    async with signed_in(practice) as client:
        page = await client.get(where("P-2"))
    assert rows_of(page)["Premier prénom"] == ["PIERRE-ALAIN", "PIERRE-ALAIN", "= Identique"]
    assert "Un trait n'est pas le même." in words_of(page)


async def test_the_same_identity_in_capitals_is_accepted_and_qualified_in_one_gesture(
    practice: Box, insi: Teleservice, tmp_path: Path
) -> None:
    box = await confirming(practice, insi, tmp_path / "confirming", birth_given_names="ZOE")
    async with signed_in(box) as client:
        page = await client.get(where("P-1"))
    words = words_of(page)
    assert "INSi a trouvé la même identité" in words
    assert "Les deux identités disent la même chose." in words
    assert "Accepter et qualifier" in words


async def test_a_file_that_changed_under_the_eyes_of_the_secretary_is_shown_again_before_it_is_qualified(practice: Box) -> None:
    await recovered(practice)
    async with signed_in(practice) as client:
        page = await client.get(where("P-1"))
        practice.clock.advance(20)
        await put(practice, "P-1", {**PIERRE, "birth_place": "63220"})
        [form] = [one for one in forms_of(page) if one.fields.get("forme") == "piece"]
        answer = await client.post(form.action, data={**form.fields, "vous": SECRETARY, "piece": "PA"})
        after = await client.get(answer.headers["location"]) if answer.is_redirect else answer
    assert "a changé pendant que vous la regardiez" in words_of(after)
    assert "ECETINSI" in words_of(after)
    assert (await read(practice))["checked"] is None


async def test_more_given_names_and_a_lunar_date_are_told_for_what_they_are(practice: Box, insi: Teleservice) -> None:
    await longer_list(practice)
    await lunar(practice, insi)
    async with signed_in(practice) as client:
        longer, moon = await client.get(where("P-2")), await client.get(where("P-4"))
    assert rows_of(longer)["Prénoms de naissance"] == ["Pierre-Alain", "PIERRE-ALAIN [MURIEL] [FLORIANT]", "+ Complété par INSi"]
    assert rows_of(moon)["Date de naissance"] == ["31/12/1950", "00/00/1950", "≈ Écrit autrement"]
    assert "INSi ne connaît pas toute la date de naissance" in words_of(moon)
    assert "Accepter et qualifier" not in words_of(moon)


@pytest.mark.parametrize(
    ("one", "other", "left", "right"),
    [
        ("Zoé", "ZOE", "Zoé", "ZOE"),
        ("Anne Marie", "MARIE ANNE", "Anne [Marie]", "[MARIE] ANNE"),
        ("Müller-Lefèvre", "MULLER-LEFEVRES", "Müller-[Lefèvre]", "MULLER-[LEFEVRES]"),
        ("12/06/1985", "12/07/1985", "12/[06]/1985", "12/[07]/1985"),
        ("D'Artagnan", "d’artagnan", "D'Artagnan", "d’artagnan"),
        ("", "X", "", "[X]"),
    ],
)
def test_the_words_that_only_one_side_says_are_marked_and_no_letter_is_lost(one: str, other: str, left: str, right: str) -> None:
    sides = marked_texts(one, other)
    assert ["".join(f"[{piece.text}]" if piece.differs else piece.text for piece in side) for side in sides] in (
        [left, right],
        [left, right],
    )
    assert tuple("".join(piece.text for piece in side) for side in sides) == (one, other)


async def test_accepting_then_qualifying_is_imputed_to_the_person_and_goes_on_to_the_next(practice: Box) -> None:
    await longer_list(practice)
    await recovered(practice)
    async with signed_in(practice) as client:
        page = await fill(client, where("P-2"), "decision", vous=SECRETARY, decision="accept")
        assert "L'identité d'INSi est acceptée. Statut : récupérée." in words_of(page)
        assert page.url.path == where("P-2")
        page = await fill(client, where("P-2"), "piece", piece="PA")
        history = words_of(await client.get(where("P-2")))
    assert page.url.path == "/identites"
    assert "L'identité du dossier P-2 est qualifiée." in words_of(page)
    assert re.search(rf'href="{where("P-1")}" autofocus', page.text) is not None
    view = await read(practice, "P-2")
    assert (view["status"], view["checked"]["kind"], view["checked"]["by"]) == ("QUAL", "PA", "ALIX PETIT")
    assert "Passeport (identité qualifiée) par ALIX PETIT" in history


async def test_refusing_changes_nothing_and_asks_again_later(practice: Box) -> None:
    await longer_list(practice)
    async with signed_in(practice) as client:
        page = await fill(client, where("P-2"), "decision", vous=SECRETARY, decision="refuse")
    assert "L'identité d'INSi est refusée : la vôtre n'a pas changé." in words_of(page)
    view = await read(practice, "P-2")
    assert (view["status"], view["ins"], view["proposal"], view["traits"]["birth_given_names"]) == ("PROV", None, None, "Pierre-Alain")


async def test_no_document_is_chosen_for_the_secretary(practice: Box) -> None:
    await recovered(practice)
    await longer_list(practice)
    async with signed_in(practice) as client:
        for local_id in ("P-1", "P-2"):
            text = (await client.get(where(local_id))).text
            assert 'type="radio"' in text
            assert "checked" not in re.sub(r">[^<]*<", "><", text)
            assert '<option value="" >Choisissez votre nom' in text or '<option value="">Choisissez votre nom' in text


async def test_a_held_document_leaves_with_the_qualification_made_on_the_page(practice: Box) -> None:
    await recovered(practice)
    waiting = await held(practice)
    async with signed_in(practice) as client:
        before = words_of(await client.get("/"))
        page = await fill(client, where("P-1"), "piece", vous=SECRETARY, piece="CN")
        after = words_of(await client.get("/"))
    assert "1 identité attend 1 document retenu 1 à qualifier" in before
    assert "est qualifiée. 2 envois qui attendaient vont partir." in words_of(page)
    assert await states(practice, waiting) == [DeliveryState.QUEUED, DeliveryState.QUEUED]
    assert "Aucune identité n'attend" in after


async def test_a_text_that_speaks_of_somebody_else_offers_the_gesture_that_its_sentence_names(practice: Box) -> None:
    waiting = await contradicted(practice)
    async with signed_in(practice) as client:
        home = await client.get("/")
        assert "il appartient peut-être à quelqu'un d'autre" in words_of(home)
        offered = [one for one in forms_of(home) if one.action.endswith("/liberer")]
        assert len(offered) == 2
        assert not [one for one in forms_of(home) if one.action.endswith("/reessayer")]
        assert home.text.count('<select id="vous-') == 2
        nobody = await press(client, home, f"{waiting[0]}/liberer")
        assert "il faut dire qui vous êtes" in words_of(nobody)
        assert await states(practice, waiting) == [DeliveryState.HELD, DeliveryState.HELD]
        answer = await client.post(offered[0].action, data={**offered[0].fields, "vous": SECRETARY})
        assert answer.status_code == 303
        assert "L'envoi est libéré" in words_of(await client.get("/"))
    assert await states(practice, waiting) == [DeliveryState.QUEUED, DeliveryState.QUEUED]
    [line] = [one for one in await practice.store.audit_after(0, 100) if one.act == "document.looked-at"]
    assert line.actor == f"secretary:{SECRETARY}"


async def test_a_search_that_finds_nobody_offers_the_traits_to_correct_and_keeps_them(practice: Box) -> None:
    await unknown_to_insi(practice)
    async with signed_in(practice) as client:
        page = await fill(client, where("P-5"), "recherche", vous=SECRETARY)
        assert "INSi ne connaît personne avec ces traits." in words_of(page)
        typed = {"nom": "Inconue", "prenoms": "Eva Marie", "sexe": "F", "naissance": "31/12/1975", "lieu": "2a004"}
        page = await fill(client, str(page.url), "recherche", **typed)
        for value in ("Inconue", "Eva Marie", "31/12/1975", "2a004"):
            assert f'value="{value}"' in page.text
        page = await fill(client, str(page.url), "recherche", **typed | {"nom": "Adrun", "prenoms": "Zoé", "lieu": "63220"})
    assert "INSi a trouvé une identité." in words_of(page)
    assert rows_of(page)["Nom de naissance"] == ["[Inconnue]", "[ADRUN]", "≠ Différent"]


async def test_a_search_that_insi_does_not_answer_is_taken_over_and_the_next_patient_comes(practice: Box, insi: Teleservice) -> None:
    from gateway.ins.errors import InsiUnavailable

    await unknown_to_insi(practice)
    insi.trouble = InsiUnavailable
    async with signed_in(practice) as client:
        page = await fill(client, where("P-5"), "recherche", vous=SECRETARY)
    assert page.url.path == "/identites"
    assert "INSi ne répond pas pour le moment : Relais continue la recherche tout seul." in words_of(page)


async def test_an_answer_alike_is_accepted_and_qualified_in_one_gesture_or_not_at_all(
    practice: Box, insi: Teleservice, tmp_path: Path
) -> None:
    box = await confirming(practice, insi, tmp_path / "confirming")
    async with signed_in(box) as client:
        page = await fill(client, where("P-1"), "piece", vous=SECRETARY)
        check_beside(page, "piece-piece-1", "Il manque un choix")
        page = await fill(client, where("P-1"), "piece", piece="CV")
        check_beside(page, "piece-piece-1", "Il manque un choix")
        view = await read(box)
        assert (view["status"], view["ins"]) == ("PROV", None)
        page = await fill(client, where("P-1"), "piece", piece="PA")
    assert "est qualifiée" in words_of(page)
    assert (await read(box))["status"] == "QUAL"


REFUSALS: tuple[tuple[str, str, dict[str, str], str, str], ...] = (
    ("P-1", "piece", {"piece": "PA"}, "vous-piece", "il faut dire qui vous êtes"),
    ("P-1", "piece", {"vous": "personne", "piece": "PA"}, "vous-piece", "il faut dire qui vous êtes"),
    ("P-1", "piece", {"vous": SECRETARY}, "piece-piece-1", "Il manque un choix"),
    ("P-1", "piece", {"vous": SECRETARY, "piece": "CV"}, "piece-piece-1", "ne permet pas de valider une identité"),
    ("P-2", "decision", {"vous": SECRETARY}, "decision-decision-1", "Il manque un choix"),
    ("P-6", "connu", {"vous": AUTHOR}, "atteste", "attest"),
    ("P-6", "connu", {"vous": AUTHOR, "attestation": "je le connais"}, "atteste", "attest"),
)


@pytest.mark.parametrize(("local_id", "form", "said", "field", "told"), REFUSALS)
async def test_a_refusal_stands_beside_its_field_which_has_the_focus(
    practice: Box, local_id: str, form: str, said: dict[str, str], field: str, told: str
) -> None:
    await recovered(practice)
    await longer_list(practice)
    await by_card(practice)
    before = await read(practice, local_id)
    async with signed_in(practice) as client:
        page = await fill(client, where(local_id), form, **said)
    check_beside(page, field, told)
    assert await read(practice, local_id) == before


@pytest.mark.parametrize(
    ("said", "field"),
    [({"nom": " "}, "nom"), ({"prenoms": ""}, "prenoms"), ({"naissance": "hier"}, "naissance"), ({"nom": "Du_Pont"}, "nom"),
     ({"sexe": ""}, "sexe"), ({"lieu": "75"}, "lieu")],
)  # fmt: skip
async def test_a_trait_that_cannot_be_searched_by_is_refused_beside_it_and_the_others_stay_typed(
    practice: Box, insi: Teleservice, said: dict[str, str], field: str
) -> None:
    await unknown_to_insi(practice)
    typed = {"nom": "Nouvelle", "prenoms": "Ida", "sexe": "F", "naissance": "01/02/1990", "lieu": "63220"}
    async with signed_in(practice) as client:
        page = await fill(client, f"{where('P-5')}?reponse=01", "recherche", **typed | {"vous": SECRETARY} | said)
    check_beside(page, field, "")
    assert [value for name, value in typed.items() if name not in (field, "sexe") and f'value="{value}"' not in page.text] == []
    assert insi.calls == []


def check_beside(page: httpx.Response, field: str, told: str) -> None:
    """The sentence is next to the field, which refers to it and has the focus; nothing else has."""
    [tag] = re.findall(rf'<[^<>]* id="{field}"[^<>]*>', page.text)
    assert page.text.count('id="faute"') == 1
    assert page.text.count('aria-describedby="faute"') == 1
    assert "autofocus" in tag
    assert len(re.findall(r"<[^<>]*\bautofocus\b[^<>]*>", page.text)) == 1
    around = page.text[max(0, page.text.index(tag) - 900) : page.text.index(tag) + 1800]
    sentence = around.partition('id="faute"')[2].partition("</p>")[0]
    assert sentence
    assert told.lower() in " ".join(sentence.lower().replace("&#39;", "'").split())


async def test_a_well_known_patient_is_the_doctor_s_to_attest_after_the_card(practice: Box) -> None:
    await by_card(practice)
    await recovered(practice)
    async with signed_in(practice) as client:
        page = await client.get(where("P-6"))
        words = words_of(page)
        for condition in ("avec la carte Vitale du patient (c'est le cas)", "les traits sont exactement les mêmes", "l'atteste lui-même"):
            assert condition in words
        assert ATTESTATION in words
        assert SECRETARY not in page.text.partition('id="vous-connu"')[2].partition("</select>")[0]
        done = await fill(client, where("P-6"), "connu", vous=AUTHOR, attestation=ATTESTATION)
        assert "est qualifiée" in words_of(done)
        other = await client.get(where("P-1"))
        assert "ce n'est pas le cas ici" in words_of(other)
        assert not [one for one in forms_of(other) if one.fields.get("forme") == "connu"]
    view = await read(practice, "P-6")
    assert (view["status"], view["checked"]["kind"], view["checked"]["by"]) == ("QUAL", "CONNU", "CAMILLE MOREL")


async def test_the_secretary_in_the_seat_is_told_that_only_a_doctor_attests(practice: Box) -> None:
    await by_card(practice)
    async with signed_in(practice) as client:
        stale = [one for one in forms_of(await client.get(where("P-6"))) if one.fields.get("forme") == "connu"]
        await fill(client, where("P-6"), "piece", vous=SECRETARY)
        words = words_of(await client.get(where("P-6")))
        assert "Seul un professionnel peut le faire." in words
        answer = await client.post(stale[0].action, data={**stale[0].fields, "vous": SECRETARY, "attestation": ATTESTATION})
        page = await client.get(answer.headers["location"])
    assert "professionnel" in words_of(page)
    assert (await read(practice, "P-6"))["status"] == "RECUP"


async def test_the_person_is_asked_once_then_may_be_changed(practice: Box) -> None:
    await recovered(practice)
    await longer_list(practice)
    async with signed_in(practice) as client:
        await fill(client, where("P-1"), "piece", vous=SECRETARY, piece="PA")
        page = await client.get(where("P-2"))
        assert "Vous êtes : ALIX PETIT" in words_of(page)
        assert "Choisissez votre nom" not in page.text
        [seat] = [one for one in forms_of(page) if one.action == "/identites/vous"]
        answer = await client.post("/identites/vous", data=seat.fields)
        assert answer.headers["location"] == where("P-2")
        assert "Choisissez votre nom" in (await client.get(where("P-2"))).text
        far = await client.post("/identites/vous", data={**seat.fields, "retour": "https://ailleurs.test/"})
        assert far.headers["location"] == "/identites"


async def test_a_doubt_takes_the_patient_off_the_list_and_says_what_follows(practice: Box) -> None:
    await recovered(practice)
    async with signed_in(practice) as client:
        page = await fill(client, where("P-1"), "mettre-douteuse", vous=SECRETARY)
        assert "L'attribut « douteuse » est enregistré." in words_of(page)
        shown = words_of(await client.get(where("P-1")))
        assert "INSi n'est pas interrogé pour cette identité." in shown
        assert "Interroger INSi" not in shown
        await fill(client, where("P-1"), "retirer-douteuse")
    assert (await read(practice))["attributes"] == []


async def test_only_a_qualified_identity_has_its_datamatrix(practice: Box) -> None:
    await recovered(practice)
    async with signed_in(practice) as client:
        assert "Datamatrix" not in (await client.get(where("P-1"))).text
        refused = await client.get(f"{where('P-1')}/datamatrix.svg")
        assert refused.status_code == 409
        await act(practice, "qualification", {"evidence": "PA"}, headers=AS_DOCTOR)
        assert "INS à scanner" in words_of(await client.get(where("P-1")))
        drawn = await client.get(f"{where('P-1')}/datamatrix.svg")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    assert drawn.text.startswith("<svg")


GESTURES = ("rechercher", "decider", "qualifier", "accepter-et-qualifier", "attribut")


@pytest.mark.parametrize("gesture", GESTURES)
async def test_a_form_of_another_site_or_without_the_mark_does_nothing(practice: Box, gesture: str) -> None:
    await recovered(practice)
    before = await read(practice)
    said = {"vous": SECRETARY, "piece": "PA", "decision": "accept", "attribut": "douteuse"}
    async with signed_in(practice) as client:
        mark = forms_of(await client.get(where("P-1")))[0].fields["marque"]
        for fields, headers in (
            (said, {}),
            (said | {"marque": "autre"}, {}),
            (said | {"marque": mark}, {"Origin": "https://ailleurs.test"}),
            (said | {"marque": mark}, {"Sec-Fetch-Site": "cross-site"}),
        ):
            answer = await client.post(f"{where('P-1')}/{gesture}", data=fields, headers=headers)
            assert answer.status_code == 403
            assert "Page expirée" in words_of(answer)
    assert await read(practice) == before


@pytest.mark.parametrize("path", ["/identites", "/lots", f"/identites/{STRUCTURE}/P-1", f"/identites/{STRUCTURE}/P-1/datamatrix.svg"])
async def test_nobody_reads_without_signing_in(practice: Box, path: str) -> None:
    await recovered(practice)
    async with practice.client(None) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/connexion")


async def test_the_workstation_of_another_structure_sees_and_does_nothing(practice: Box) -> None:
    await recovered(practice)
    before = await read(practice)
    token = (await neighbour(practice))["Authorization"].removeprefix("Bearer ")
    async with signed_in(practice, token) as client:
        assert "ADRUN" not in (await client.get("/identites")).text
        for path in (where("P-1"), f"{where('P-1')}/datamatrix.svg", where("P-1").replace(STRUCTURE, OTHER_STRUCTURE)):
            answer = await client.get(path)
            assert answer.status_code in (404, 422)
            assert "ADRUN" not in answer.text
        mark = forms_of(await client.get("/lots"))[0].fields["marque"]
        fields = {"marque": mark, "vous": SECRETARY, "piece": "PA", "decision": "accept", "attribut": "douteuse"}
        for gesture in GESTURES:
            for structure in (STRUCTURE, OTHER_STRUCTURE):
                answer = await client.post(f"/identites/{structure}/P-1/{gesture}", data=fields)
                assert answer.status_code == 303
    assert await read(practice) == before


@pytest.mark.parametrize("path", [where("INCONNU"), where("~~"), where("~_w")])
async def test_an_address_of_nobody_is_said_in_french(practice: Box, path: str) -> None:
    async with signed_in(practice) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (404, "text/html")
    assert "<h1>" in answer.text


async def test_texts_of_patients_stay_texts_and_odd_numbers_stay_addresses(practice: Box) -> None:
    await put(practice, "a%252F%2522%3Cb%3E", {**recovered_traits(), "used_family_name": "<script>alert(1)</script>"})
    async with signed_in(practice) as client:
        page = await client.get("/identites")
        assert "<script" not in page.text
        [address] = re.findall(r'href="(/identites/[^"?]+)"', page.text)
        shown = await client.get(address)
    assert shown.status_code == 200
    assert "Dossier a/%22&lt;b&gt;</span>" in shown.text
    assert "<script" not in shown.text


def recovered_traits() -> dict[str, Any]:
    return {"birth_family_name": "Adrun", "birth_given_names": "Zoé", "sex": "F", "birth_date": "1975-12-31", "birth_place": "63220"}


async def test_a_barred_identity_offers_neither_search_nor_check(practice: Box) -> None:
    await doubtful(practice)
    async with signed_in(practice) as client:
        page = await client.get(where("P-7"))
    names = {one.fields.get("forme") for one in forms_of(page)}
    assert names & {"recherche", "piece", "connu", "decision"} == set()
    assert "retirer-douteuse" in names


async def test_a_workstation_that_searched_too_much_is_told_on_the_first_page(tmp_path: Path, insi: Teleservice) -> None:
    box = await open_practice(tmp_path, insi, searches_per_hour=0)
    traits = {"birth_family_name": "ADRUN", "given_names": ["ZOE"], "sex": "F", "birth_date": "1975-12-31"}
    refused = await ask(box, "POST", "/ins/search", {"traits": traits})
    assert (refused.status_code, refused.json()["code"]) == (429, "search-limit")
    async with signed_in(box) as client:
        words = words_of(await client.get("/"))
    assert "Le poste « Accueil » a fait trop de recherches d'identité en une heure" in words
    assert "Demandez à ce poste ce qu'il cherchait." in words


async def test_a10_a_nia_is_shown_as_one(practice: Box, insi: Teleservice) -> None:
    nia = NationalIdentity(
        ins=Ins.checked("109076322088835", "1.2.250.1.213.1.4.9"), birth_family_name="PROVISOIRE", birth_given_names="MATRICULE", sex="M",
        birth_date="2009-07-14", birth_place="63220",
    )  # fmt: skip
    insi.known["PROVISOIRE"] = nia
    await put(practice, "P-1", {**PIERRE, "birth_family_name": "PROVISOIRE", "birth_given_names": "MATRICULE"})
    assert (await search(practice, {"local_id": "P-1"})).json()["ins"]["nature"] == "NIA"
    async with signed_in(practice) as client:
        assert "(NIA)" in words_of(await client.get(where("P-1")))
