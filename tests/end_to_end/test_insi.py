"""INSi as a cabinet software meets it: the box, the simulated teleservice and real TLS between them (insi.md 8, by number)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.command import relais
from tests.end_to_end.scene import EXAMPLES, ONLY_DMP, ORDONNANCE, TO_PATIENT, UNHURRIED, Scene, eventually, played
from tests.rig.caller import Workstation, codes, request, states
from tests.rig.processes import STRUCTURE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e-insi")]

LETTER = (EXAMPLES / "lettre-adressage.pdf").read_bytes()
"""Of ADRUN Zoe, born on 1975-12-31."""
DOCTOR, SECRETARY = {"Relais-Actor": "899700366240"}, {"Relais-Actor": "secretariat-1"}
COMPARED = UNHURRIED.replace("compare_text = false", "compare_text = true")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with played(tmp_path_factory.mktemp("insi"), settings=COMPARED) as one:
        yield one


class Patient:
    """A patient of the practice, under a local id of its own."""

    count = 0

    def __init__(self, scene: Scene, family: str, given: str, sex: str, birth: str, place: str, **more: Any) -> None:
        Patient.count += 1
        self.scene = scene
        self.id = f"INSI-{Patient.count}"
        body = {
            "birth_family_name": family, "birth_given_names": given, "sex": sex, "birth_date": birth, "birth_place": place, **more,
        }  # fmt: skip
        answer = self.put(body)
        assert answer.status_code == 201, answer.text
        self.view = answer.json()

    def put(self, body: dict[str, Any]) -> httpx.Response:
        return self.scene.station._client.put(f"/patients/{self.id}", json=body)

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = self.scene.station.get(f"/patients/{self.id}").json()
        return found

    def search(self, **body: Any) -> httpx.Response:
        return self.scene.station.post("/ins/search", json={"local_id": self.id, **body})

    def found(self, **body: Any) -> dict[str, Any]:
        answer = self.search(**body)
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    def act(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
        return self.scene.station.post(f"/patients/{self.id}/{path}", json=body, headers=headers or DOCTOR)

    def calls(self) -> int:
        return len(self.scene.sandbox.control("/ledger/insi"))


def adrun(scene: Scene) -> Patient:
    return Patient(scene, "ADRUN", "ZOE", "F", "1975-12-31", "63220")


def quiet(scene: Scene) -> None:
    """Wait until what the box asks by itself is answered, so that counts are those of the test."""
    before = -1
    while (now := len(scene.sandbox.control("/ledger/insi"))) != before:
        before = now
        time.sleep(0.8)


def test_a01_a02_an_identity_is_recovered_then_qualified_and_its_documents_leave_by_themselves(scene: Scene) -> None:
    patient = Patient(scene, "Adrun", "Zoé", "F", "1975-12-31", "63220")
    assert (patient.view["status"], patient.view["ins"]) == ("PROV", None)
    eventually(lambda: patient.read()["status"] == "RECUP")
    view = patient.read()
    assert view["traits"]["birth_place"] == "63220"
    assert view["ins"] == {"matricule": "275126322074974", "oid": "1.2.250.1.213.1.4.8", "nature": "NIR"}
    assert view["task"] == "qualify"
    held = scene.station.send(LETTER, request(patient={"local_id": patient.id}, deliver=ONLY_DMP | TO_PATIENT)).json()
    assert set(codes(held)) == {"identity-not-qualified"}
    answer = patient.act("qualification", {"evidence": "PA"}, SECRETARY)
    assert (answer.status_code, answer.json()["status"], answer.json()["task"]) == (200, "QUAL", None)
    end = scene.end(held)
    assert states(end) == ["delivered", "delivered"]
    [line] = scene.held_in_dmp(end)
    assert line["times_committed"] == 1
    history = [one["act"] for one in scene.station.get(f"/patients/{patient.id}/history").json()]
    assert history == ["identity.checked", "identity.answered", "identity.created"]


def test_a03_a04_the_two_corsicas_are_found(scene: Scene) -> None:
    for one, matricule in (
        (Patient(scene, "ADRTROIS", "DOMINIQUE", "F", "1997-02-26", "2A020"), "297022A02077878"),
        (Patient(scene, "ADRTROIS", "TOUSSAINT", "M", "1960-01-01", "2B020"), "160012B02077713"),
    ):
        view = one.found()
        assert (view["cr"], view["ins"]["matricule"]) == ("00", matricule)


def test_a08_history_and_the_whole_list_come_and_wait_for_a_decision(scene: Scene) -> None:
    patient = Patient(scene, "ECETINSI", "PIERRE-ALAIN", "M", "2009-07-14", "63220")
    view = patient.found()
    assert view["traits"]["birth_given_names"] == "PIERRE-ALAIN MURIEL FLORIANT"
    assert (view["cr"], view["ins"]["matricule"]) == ("00", "109076322083489")
    assert [one["matricule"] for one in view["former"]] == ["209076322083439"]
    assert [(one["field"], one["kind"]) for one in view["differences"]] == [("birth_given_names", "completed")]
    assert patient.read()["task"] == "decide"
    assert patient.read()["traits"]["birth_given_names"] == "PIERRE-ALAIN"
    refused = patient.act("identity", {"decision": "refuse", "proposal": view["proposal"]}).json()
    assert (refused["status"], refused["ins"], refused["proposal"]) == ("PROV", None, None)
    again = patient.found()
    taken = patient.act("identity", {"decision": "accept", "proposal": again["proposal"]}).json()
    assert (taken["status"], taken["traits"]["birth_given_names"]) == ("RECUP", "PIERRE-ALAIN MURIEL FLORIANT")
    gone = patient.act("identity", {"decision": "accept", "proposal": again["proposal"]})
    assert (gone.status_code, gone.json()["code"]) == (409, "proposal-gone")


def test_a11_a12_several_then_the_place_settles_it(scene: Scene) -> None:
    traits = {"birth_family_name": "DE VINCI", "given_names": ["LEONARDO"], "sex": "M", "birth_date": "2014-02-01"}
    several = scene.station.post("/ins/search", json={"traits": traits}).json()
    assert (several["cr"], several["ins"], several["proposal"]) == ("02", None, None)
    assert "prénoms" in several["advice"]
    settled = scene.station.post("/ins/search", json={"traits": {**traits, "birth_place": "63220"}}).json()
    assert (settled["cr"], settled["traits"]["birth_place"]) == ("00", "63220")


def test_a13_a14_one_given_name_per_call_then_all(scene: Scene) -> None:
    quiet(scene)
    traits = {"birth_family_name": "TCHITCHI", "given_names": ["OLA", "CATARINA", "BELLA"], "sex": "F", "birth_date": "1936-06-21"}
    found = scene.station.post("/ins/search", json={"traits": traits}).json()
    assert [one["cr"] for one in found["calls"]] == ["01", "00"]
    assert len({one["message_id"] for one in found["calls"]}) == 2
    nobody = {"birth_family_name": "HOUILLES", "given_names": ["PIERRE", "PAUL", "JACQUES"], "sex": "M", "birth_date": "1993-01-27"}
    missed = scene.station.post("/ins/search", json={"traits": nobody}).json()
    assert [one["cr"] for one in missed["calls"]] == ["01"] * 4


def test_a05_a06_names_are_written_for_the_wire_or_refused_before_any_call(scene: Scene) -> None:
    quiet(scene)
    traits: dict[str, Any] = {"birth_family_name": "D’Æion", "given_names": ["Cœur"], "sex": "M", "birth_date": "1987-01-01"}
    assert scene.station.post("/ins/search", json={"traits": traits}).json()["cr"] == "01"
    sent = max((scene.sandbox.folder / "received" / "insi").glob("*.http")).read_bytes()
    assert b"D'AEION" in sent
    assert b">COEUR<" in sent
    calls = len(scene.sandbox.control("/ledger/insi"))
    refused = scene.station.post("/ins/search", json={"traits": {**traits, "birth_family_name": "DU_PONT"}})
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "name-not-sendable", "traits.birth_family_name")
    assert "DU_PONT" not in refused.text
    assert len(scene.sandbox.control("/ledger/insi")) == calls


def test_a16_a_wrong_key_is_refused_and_stores_nothing(scene: Scene) -> None:
    patient = Patient(scene, "CORSE", "ANTHONY", "M", "1980-03-03", "2B020")
    quiet(scene)
    scene.sandbox.control("/patients", _person("180032B020509", "CORSE", "ANTHONY", "M", "1980-03-03", "2B020"))
    scene.sandbox.fault("insi", "wrong_key")
    refused = patient.search()
    assert (refused.status_code, refused.json()["code"]) == (409, "insi-key-wrong")
    assert (patient.read()["status"], patient.read()["ins"]) == ("PROV", None)


def test_a19_not_found_in_production_is_a_result_and_an_outage_is_not(scene: Scene) -> None:
    traits = {"birth_family_name": "INCONNUE", "given_names": ["EVA"], "sex": "F", "birth_date": "1990-01-01"}
    scene.sandbox.control("/profile", {"service": "insi", "profile": "qualif"})
    down = scene.station.post("/ins/search", json={"traits": traits})
    assert (down.status_code, down.json()["code"]) == (503, "insi-unavailable")
    scene.sandbox.control("/profile", {"service": "insi", "profile": "prod"})
    assert scene.station.post("/ins/search", json={"traits": traits}).json()["cr"] == "01"


def test_a20_a_deferred_search_is_answered_when_the_service_is_back(scene: Scene) -> None:
    quiet(scene)
    patient = Patient(scene, "NESSI", "MICHELANGELO ANTHONY", "M", "2010-08-07", "63220")
    scene.sandbox.fault("insi", "down", 3)
    answer = patient.search(defer=True)
    if answer.status_code == 200:  # the box's own search met the outage first
        scene.sandbox.fault("insi", "down", 3)
        answer = scene.station.post("/ins/search", json={"local_id": patient.id, "defer": True})
    assert answer.status_code == 202, answer.text
    assert answer.json()["deferred"] is True
    path = answer.headers["location"].removeprefix("/api/v1")
    eventually(lambda: scene.station.get(path).json()["state"] == "done")
    view = scene.station.get(path).json()
    assert view["result"]["ins"]["matricule"] == "110086322083060"
    assert patient.read()["status"] == "RECUP"
    asked = [one for one in scene.sandbox.control("/ledger/insi") if one["common_name"] == "INSI-AUTO"]
    assert len({one["message_id"] for one in asked}) == len(asked)


def test_a22_a_doubtful_or_fictive_identity_is_never_asked_for(scene: Scene) -> None:
    for attribute in ("douteuse", "fictive"):
        patient = adrun(scene)
        quiet(scene)
        marked = patient.act("attributes", {"attributes": [attribute]}).json()
        assert (marked["status"], marked["ins"]) == ("PROV", None)
        calls = patient.calls()
        refused = patient.search()
        assert (refused.status_code, refused.json()["code"]) == (409, "identity-barred")
        assert patient.calls() == calls


def test_a23_a_lunar_date_waits_for_a_person(scene: Scene) -> None:
    patient = Patient(scene, "SANSJOUR", "ALI", "M", "1950-00-00", "99352")
    view = patient.found()
    assert view["traits"]["birth_date"] == "1950-00-00"
    assert view["proposal"] is not None
    held = patient.read()
    assert (held["traits"]["birth_date"], [one["code"] for one in held["warnings"]]) == ("1950-12-31", ["birth-date-uncertain"])
    assert held["proposal"]["traits"]["birth_date"] == "1950-00-00"
    assert "birth-date-incomplete" in [one["code"] for one in view["warnings"]]


def _card(serial: str = "card-1", rank: str = "1", read_at: datetime | None = None) -> dict[str, Any]:
    moment = (read_at or datetime.now(UTC)).isoformat()
    return {"serial": serial, "read_at": moment, "insured_nir": "1810163220751", "birth_date": "2015-03-09", "birth_rank": rank}


def test_a24_another_card_than_the_chosen_one_asks_nothing(scene: Scene) -> None:
    quiet(scene)
    calls = len(scene.sandbox.control("/ledger/insi"))
    swapped = scene.station.post("/ins/vitale", json={"selected_serial": "card-1", "card": _card("card-2")})
    assert (swapped.status_code, swapped.json()["code"]) == (409, "card-changed")
    old = scene.station.post("/ins/vitale", json={"selected_serial": "card-1", "card": _card(read_at=datetime(2026, 1, 1, tzinfo=UTC))})
    assert (old.status_code, old.json()["code"]) == (409, "card-reading-too-old")
    assert len(scene.sandbox.control("/ledger/insi")) == calls


def test_a32_twins_differ_by_their_rank(scene: Scene) -> None:
    found = [
        scene.station.post("/ins/vitale", json={"selected_serial": "card-1", "card": _card(rank=rank)}).json()["ins"]["matricule"]
        for rank in ("1", "2")
    ]
    assert len(set(found)) == 2


def test_the_well_known_patient_is_a_professional_s_with_the_card_and_the_sentence(scene: Scene) -> None:
    patient = Patient(scene, "JUMELLE", "LISE", "F", "2015-03-09", "63220")
    sentence = next(one["sentence"] for one in scene.station.get("/evidence").json() if one["exceptional"])
    body = {"evidence": "CONNU", "attestation": sentence}
    eventually(lambda: patient.read()["status"] == "RECUP")
    assert patient.act("qualification", body).json()["code"] == "vitale-needed"
    asked = {"local_id": patient.id, "selected_serial": "card-1", "card": _card()}
    assert scene.station.post("/ins/vitale", json=asked).json()["cr"] == "00"
    assert patient.act("qualification", body, SECRETARY).json()["code"] == "professional-needed"
    assert patient.act("qualification", {"evidence": "CONNU", "attestation": "je le connais"}).json()["code"] == "attestation-missing"
    assert patient.act("qualification", body).json()["status"] == "QUAL"


def test_a27_a_recovered_identity_has_no_datamatrix_and_nothing_leaves(scene: Scene) -> None:
    patient = adrun(scene)
    eventually(lambda: patient.read()["status"] == "RECUP")
    refused = scene.station.get(f"/patients/{patient.id}/datamatrix")
    assert (refused.status_code, refused.json()["code"]) == (409, "datamatrix-not-qualified")
    held = scene.station.send(LETTER, request(patient={"local_id": patient.id}, deliver=ONLY_DMP)).json()
    assert (states(held), codes(held)) == (["held"], ["identity-not-qualified"])
    release = scene.station.post(f"/deliveries/{held['deliveries'][0]['id']}/release")
    assert (release.status_code, release.json()["code"]) == (409, "identity-not-qualified")
    patient.act("qualification", {"evidence": "CN"})
    drawn = scene.station.get(f"/patients/{patient.id}/datamatrix", params={"format": "txt"})
    assert drawn.text.startswith("IS010000000000000000000000S1275126322074974S2")
    assert scene.station.get(f"/patients/{patient.id}/datamatrix", params={"format": "svg"}).text.startswith("<svg")
    read = scene.station.post("/ins/datamatrix", json={"scan": drawn.text}).json()
    assert read["ins"]["matricule"] == "275126322074974"


def test_a_doubt_takes_the_ins_back_and_holds_what_has_not_left(scene: Scene) -> None:
    patient = adrun(scene)
    eventually(lambda: patient.read()["status"] == "RECUP")
    patient.act("qualification", {"evidence": "PA"})
    scene.sandbox.fault("dmp", "unavailable", 0)
    receipt = scene.station.send(LETTER, request(patient={"local_id": patient.id}, deliver=ONLY_DMP)).json()
    eventually(lambda: scene.read(receipt)["deliveries"][0]["attempts"] >= 1)
    patient.act("attributes", {"attributes": ["douteuse"]})
    eventually(lambda: codes(scene.read(receipt)) == ["identity-withdrawn"])
    scene.sandbox.control("/reset", {})
    time.sleep(1)
    assert scene.held_in_dmp(receipt) == []
    patient.act("attributes", {"attributes": []})
    assert patient.found()["status"] == "RECUP"
    patient.act("qualification", {"evidence": "PA"})
    assert states(scene.end(receipt)) == ["delivered"]


def test_a_document_of_somebody_else_waits_until_a_person_has_looked(scene: Scene) -> None:
    patient = adrun(scene)
    eventually(lambda: patient.read()["status"] == "RECUP")
    patient.act("qualification", {"evidence": "PA"})
    receipt = scene.station.send(ORDONNANCE, request(patient={"local_id": patient.id}, deliver=ONLY_DMP | TO_PATIENT)).json()
    eventually(lambda: codes(scene.read(receipt)) == ["text-contradicts-identity"] * 2)
    [explanation, _] = [one["explanation"] for one in scene.read(receipt)["deliveries"]]
    assert "un autre matricule INS" in explanation["what"]
    delivery = receipt["deliveries"][0]["id"]
    nobody = scene.station.post(f"/deliveries/{delivery}/release")
    assert (nobody.status_code, nobody.json()["code"]) == (422, "actor-needed")
    command = ("queue", "--home", str(scene.gateway.home), "release", delivery)
    refused = relais(*command)
    assert (refused.code, "actor-needed" in refused.err) == (1, True)
    assert relais(*command, "--person", "secretariat-1").code == 0
    assert states(scene.end(receipt)) == ["delivered", "delivered"]


def test_qualifying_needs_a_known_person_and_a_chosen_document(scene: Scene) -> None:
    patient = adrun(scene)
    nobody = scene.station.post(f"/patients/{patient.id}/qualification", json={"evidence": "PA"})
    assert (nobody.status_code, nobody.json()["code"]) == (422, "actor-needed")
    stranger = patient.act("qualification", {"evidence": "PA"}, {"Relais-Actor": "inconnue"})
    assert (stranger.status_code, stranger.json()["code"]) == (422, "actor-unknown")
    weak = patient.act("qualification", {"evidence": "CV"})
    assert (weak.status_code, weak.json()["code"]) == (422, "evidence-unknown")
    assert patient.act("qualification", {}).json()["field"] == "evidence"


def test_a17_an_unknown_authorisation_number_is_told_with_its_software(tmp_path: Path) -> None:
    with played(tmp_path) as scene:
        _rewrite(scene, 'idam = "RELAISSANDBX"', 'idam = "INCONNU00000"')
        traits = {"birth_family_name": "ADRUN", "given_names": ["ZOE"], "sex": "F", "birth_date": "1975-12-31"}
        refused = scene.station.post("/ins/search", json={"traits": traits})
        assert (refused.status_code, refused.json()["code"]) == (503, "insi-software-unknown")
        assert "numéro d'autorisation" in refused.json()["detail"]


def test_a26_another_authority_or_host_is_refused(scene: Scene) -> None:
    traits = {"birth_family_name": "ADRUN", "given_names": ["ZOE"], "sex": "F", "birth_date": "1975-12-31"}
    for fault in ("certificate_foreign", "certificate_other_host"):
        scene.restart()
        scene.sandbox.fault("insi", fault, 0)
        refused = scene.station.post("/ins/search", json={"traits": traits})
        assert (refused.status_code, refused.json()["code"]) == (503, "insi-tls-refused"), fault
        scene.sandbox.control("/reset", {})


def test_a33_a_stop_between_answer_and_storage_is_asked_again_and_told(scene: Scene) -> None:
    quiet(scene)
    patient = adrun(scene)
    quiet(scene)
    patient.act("attributes", {"attributes": ["douteuse"]})
    patient.act("attributes", {"attributes": []})
    scene.sandbox.fault("insi", "slow", 1, seconds=3)
    scene.station._client.timeout = httpx.Timeout(1.0)
    with pytest.raises(httpx.TimeoutException):
        patient.search()
    scene.station.close()
    scene.gateway.kill()
    scene.gateway.start()
    scene.restart()
    patient.scene = scene
    assert patient.found()["status"] == "RECUP"
    with closing(sqlite3.connect(scene.gateway.home / "journal.sqlite")) as journal:
        rows = journal.execute("SELECT outcome FROM insi_calls WHERE local_ref IS NOT NULL ORDER BY number DESC LIMIT 2").fetchall()
        people = journal.execute("SELECT count(*) FROM patients").fetchone()
        asked = journal.execute("SELECT count(*) FROM audit WHERE act = 'insi.asked'").fetchone()
        answered = journal.execute("SELECT count(*) FROM audit WHERE act = 'insi.answered'").fetchone()
    assert [one for (one,) in rows] == ["00", "interrupted"]
    assert asked == answered
    assert people == (len(_local_ids(scene)),)


def test_a34_nothing_of_a_patient_is_in_the_log_nor_in_clear_in_the_journal(scene: Scene) -> None:
    patient = Patient(scene, "ADRDEUX", "LAURENT", "M", "1981-01-01", "63220")
    assert patient.found()["cr"] == "00"
    told = scene.gateway.told()
    scene.restart()
    files = [path.read_bytes() for path in scene.gateway.home.rglob("*") if path.is_file()]
    assert any(content.startswith(b"SQLite format 3") for content in files)
    for secret in ("ADRDEUX", "LAURENT", "1810163220751", "1981-01-01"):
        assert secret not in told
        assert all(secret.encode() not in content for content in files)


def test_a_list_is_verified_by_the_box_and_tells_its_progress(scene: Scene) -> None:
    listed = "local_id;birth_family_name;birth_given_names;sex;birth_date;birth_place\r\nL-1;ADRUN;ZOE;F;1975-12-31;63220\r\n"
    listed += "L-2;INCONNU;PAUL;M;1980-02-02;63220\r\nL-3;ECETINSI;PIERRE-ALAIN;M;2009-07-14;63220\r\n"
    answer = scene.station.post(
        "/ins/batches", params={"when": "now"}, content=listed.encode("cp1252"), headers={"Content-Type": "text/csv"}
    )
    assert (answer.status_code, answer.json()["total"]) == (201, 3)
    path = answer.headers["location"].removeprefix("/api/v1")
    eventually(lambda: scene.station.get(path).json()["state"] == "done")
    view = scene.station.get(path).json()
    assert (view["done"], view["outcomes"]) == (3, {"found_exact": 1, "found_different": 1, "not_found": 1})
    tasks = {one["local_id"]: one["task"] for one in scene.station.get("/worklist").json()["items"]}
    assert (tasks["L-1"], tasks["L-2"], tasks["L-3"]) == ("qualify", "search", "decide")


def test_a_list_goes_on_after_kill_9_and_asks_for_nobody_twice_but_whom_it_was_asking_for(tmp_path: Path) -> None:
    count = 24
    with played(tmp_path) as scene:
        _rewrite(scene, "[[insi.software]]", "calls_per_second = 10.0\n\n[[insi.software]]")
        listed = "local_id;birth_family_name;birth_given_names;sex;birth_date;birth_place\r\n"
        for number in range(count):
            family = f"LISTE{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[number]}"
            scene.sandbox.control("/patients", _person(f"2800663220{number:03d}", family, "EVE", "F", "1980-06-01", "63220"))
            listed += f"K-{number};{family};EVE;F;1980-06-01;63220\r\n"
        headers = {"Content-Type": "text/csv"}
        answer = scene.station.post("/ins/batches", params={"when": "now"}, content=listed.encode(), headers=headers)
        path = answer.headers["location"].removeprefix("/api/v1")
        for done in (5, 12):
            eventually(lambda done=done: scene.station.get(path).json()["done"] >= done)  # type: ignore[misc]
            before = scene.station.get(path).json()
            assert before["state"] == "running"
            assert before["estimated_end"] is not None
            scene.station.close()
            scene.gateway.kill()
            scene.gateway.start()
            scene.station = Workstation(scene.gateway)
            assert scene.station.get(path).json()["done"] >= before["done"]
        eventually(lambda: scene.station.get(path).json()["state"] == "done")
        end = scene.station.get(path).json()
        assert (end["total"], end["done"], sum(end["outcomes"].values())) == (count, count, count)
        assert set(end["outcomes"]) <= {"found_exact", "unchanged"}
        assert len(scene.sandbox.control("/ledger/insi")) <= count + 2
        page = scene.station.get("/worklist", params={"limit": 100}).json()["items"]
        assert sorted(one["local_id"] for one in page) == sorted(f"K-{number}" for number in range(count))
        assert {one["status"] for one in page} == {"RECUP"}


def test_too_many_fruitless_searches_are_suspended_and_audited(tmp_path: Path) -> None:
    with played(tmp_path, settings=f"{UNHURRIED}\n") as scene:
        _rewrite(scene, "[[insi.software]]", "misses_per_hour = 3\ncalls_per_second = 50.0\n\n[[insi.software]]")
        traits = {"birth_family_name": "INCONNUE", "given_names": ["EVA"], "sex": "F", "birth_date": "1990-01-01"}
        answers = [scene.station.post("/ins/search", json={"traits": traits}) for _ in range(4)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429]
        assert answers[-1].json()["code"] == "search-limit"
        assert 3000 < int(answers[-1].headers["retry-after"]) <= 3600
        with closing(sqlite3.connect(scene.gateway.home / "journal.sqlite")) as journal:
            assert journal.execute("SELECT count(*) FROM audit WHERE act = 'insi.search-limit'").fetchone() == (1,)


def _person(number: str, family: str, given: str, sex: str, birth: str, place: str) -> dict[str, Any]:
    digits = number[:5] + {"2A": "19", "2B": "18"}.get(number[5:7], number[5:7]) + number[7:]
    return {
        "ins": {"matricule": f"{number}{97 - int(digits) % 97:02d}", "oid": "1.2.250.1.213.1.4.10"},
        "birth_family_name": family,
        "birth_given_names": given,
        "first_birth_given_name": given.split(maxsplit=1)[0],
        "sex": sex,
        "birth_date": birth,
        "birth_place": place,
    }


def _rewrite(scene: Scene, old: str, new: str) -> None:
    """Change relais.toml and start again."""
    path = scene.gateway.home / "relais.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    scene.restart()


def _local_ids(scene: Scene) -> list[str]:
    with closing(sqlite3.connect(scene.gateway.home / "journal.sqlite")) as journal:
        return [one for (one,) in journal.execute("SELECT DISTINCT local_ref FROM patients WHERE structure = ?", (STRUCTURE,))]
