"""The sheet of the installer: every fault told with its line, no secret ever repeated; taken apart without losing a comment."""

from __future__ import annotations

import re
import tomllib

import msgspec
import pytest

from gateway.kernel.config import Configuration
from gateway.trust.roles import Role
from provisioning.first_boot.national_ids import identifier_fault
from provisioning.first_boot.sheet import FirstBoot, Whole, read_sheet
from provisioning.first_boot.sheet_text import blanked_text, refusal_text, settings_text
from tests.rig.processes import ROOT

SHEET = """\
# Cabinet du port
environment = "test"

[dmp]
url = "https://dmp.test/si-dmp-server/v2/services"

[first_boot]
anchors = "anchors.pem"
homologation = "HOMOLOGATION-SECRET"
operator_code = "vingt caracteres au moins"  # à changer
passphrase = "quatorze lettres et plus"

[[first_boot.certificates]]
role = "auth_cli"
file = "auth.p12"
passphrase = "SESAME-UN"

[[first_boot.certificates]]
role = "sign"
file = "sign.p12"
passphrase = "SESAME-DEUX"

[[structures]]
id = "10B0152872"   # le FINESS du cabinet
name = "CABINET DU PORT"
patient_root = "1.2.3.1"
source_id = "1.2.3.2"

[[structures.professionals]]
id = "899700366240"
family = "MOREL"
given = "CAMILLE"
"""
SECRETS = ("HOMOLOGATION-SECRET", "vingt caracteres au moins", "quatorze lettres et plus", "SESAME-UN", "SESAME-DEUX")


def faults_of(text: str) -> list[tuple[int | None, str, str]]:
    found = read_sheet(text)
    assert isinstance(found, list)
    return [(one.line, one.name, one.what) for one in found]


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


def test_a_good_sheet_is_read() -> None:
    sheet = read_sheet(SHEET)
    assert isinstance(sheet, Whole)
    assert [one.role for one in sheet.first_boot.certificates] == ["auth_cli", "sign"]
    assert "SESAME" not in repr(sheet)


@pytest.mark.parametrize(
    ("before", "after", "name", "what"),
    [
        ('role = "sign"', 'role = "signe"', "first_boot.certificates[2].role", f"n'a que ces valeurs possibles : {', '.join(Role)}"),
        ('family = "MOREL"', 'famille = "MOREL"', "structures[1].professionals[1].famille", "n'est pas un réglage connu"),
        ('environment = "test"', 'environment = "essai"', "environment", "n'a que ces valeurs possibles : test, production"),
        ('name = "CABINET DU PORT"', "name = 3", "structures[1].name", "doit être un texte entre guillemets"),
        ("[dmp]", "[pairing]\nminutes = 90\n[dmp]", "pairing.minutes", "doit être au plus 15"),
        ('id = "10B0152872"', 'id = "373282932000075"', "structures[1].id", "la clé du numéro SIRET est fausse : vérifiez ses chiffres"),
        (
            'file = "sign.p12"',
            'structure = "X"\nfile = "sign.p12"',
            "first_boot.certificates[2].structure",
            "n'est pas une structure de ce fichier",
        ),
        ("vingt caracteres au moins", "court", "first_boot.operator_code", "doit avoir au moins 20 caractères"),
        ('"anchors.pem"', '"anchors.pem"\nfirst_document = "oui"', "first_boot.first_document", "doit être true ou false"),
    ],
)
def test_each_fault_has_its_line_and_its_field(before: str, after: str, name: str, what: str) -> None:
    text = SHEET.replace(before, after)
    word = name.rpartition(".")[2].partition("[")[0]
    found = next(one for one in faults_of(text) if one[1:] == (name, what))
    assert found[0] == next(
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.startswith(word) and number >= line_of(text, after.splitlines()[0][:12])
    )


def test_all_faults_are_told_at_once_in_the_order_of_the_lines_and_no_value_is_repeated() -> None:
    text = SHEET.replace('url = "https', 'adresse = "https').replace('"SESAME-UN"', "4711").replace('given = "CAMILLE"\n', "")
    found = faults_of(text)
    assert [name for _, name, _ in found] == [
        "dmp",
        "dmp.adresse",
        "first_boot.certificates[1].passphrase",
        "structures[1].professionals[1]",
    ]
    assert found[0][2] == "il manque « url »"
    assert found[3] == (line_of(text, "[[structures.professionals]]"), "structures[1].professionals[1]", "il manque « given »")
    paper = refusal_text(read_sheet(text))  # type: ignore[arg-type]
    assert f"- Ligne {found[1][0]}, « dmp.adresse » : n'est pas un réglage connu." in paper
    assert not any(word in paper for word in (*SECRETS, "4711", "MOREL"))


@pytest.mark.parametrize(
    ("text", "line"), [("a = \n", 1), ("[dmp\n", 1), (SHEET.replace('family = "MOREL"', 'family = "MOREL'), 31), ("\ufffe", 1)]
)
def test_what_is_no_toml_is_told_where(text: str, line: int) -> None:
    assert faults_of(text) == [(line, "", "la syntaxe TOML est fausse ici")]


def test_the_settings_keep_all_but_what_serves_once() -> None:
    text = settings_text(SHEET, ("relais-1a2b.local", "192.168.1.20"))
    assert not any(secret in text for secret in SECRETS)
    assert "# le FINESS du cabinet" in text
    settings = msgspec.toml.decode(text, type=Configuration)
    assert settings.listener.names == ("relais-1a2b.local", "192.168.1.20")
    chosen = SHEET.replace("[dmp]", '[listener]\nnames = ["port.local"]\n[dmp]')
    assert msgspec.toml.decode(settings_text(chosen, ("x.local",)), type=Configuration).listener.names == ("port.local",)
    other = SHEET.replace("[dmp]", "[listener]\nport = 8443\n[dmp]")
    listener = msgspec.toml.decode(settings_text(other, ("x.local",)), type=Configuration).listener
    assert (listener.names, listener.port) == (("x.local",), 8443)


def test_the_blanked_sheet_says_the_same_without_its_secrets() -> None:
    text = blanked_text(SHEET)
    assert not any(secret in text for secret in SECRETS)
    left = tomllib.loads(text)
    assert left["first_boot"]["certificates"] == [
        {"role": "auth_cli", "file": "auth.p12", "passphrase": ""}, {"role": "sign", "file": "sign.p12", "passphrase": ""},
    ]  # fmt: skip
    assert left["structures"] == tomllib.loads(SHEET)["structures"]
    assert blanked_text(text) == text.replace('""  # effacé après usage', '""  # effacé après usage')


@pytest.mark.parametrize(
    "written", ['passphrase = """\nSESAME-UN"""', '"passphrase" = "SESAME-UN"', "passphrase = '''\nSESAME-UN\n'''"]
)  # fmt: skip
def test_secrets_written_as_lines_cannot_tell_go_with_their_section(written: str) -> None:
    text = SHEET.replace('passphrase = "SESAME-UN"', written)
    assert isinstance(read_sheet(text), Whole)
    assert not any(secret in blanked_text(text) for secret in SECRETS)
    assert tomllib.loads(blanked_text(text))["structures"] == tomllib.loads(SHEET)["structures"]


@pytest.mark.parametrize("good", ["373282932000074", "335600000000048", "10B0152872", "1750712184", "4810002673899001", "12A0000153"])
def test_well_formed_numbers_pass(good: str) -> None:
    assert identifier_fault(good) is None


@pytest.mark.parametrize(
    "bad", ["373282932000084", "335600000000049", "1750712185", "175071218", "1-50712184", "37328293200007", "8750712184", "", "4abc"]
)
def test_a_slip_of_the_keyboard_is_seen(bad: str) -> None:
    assert identifier_fault(bad) is not None


def test_the_sheet_of_the_page_is_a_good_one() -> None:
    page = (ROOT / "docs/integrateur/installation.md").read_text("utf-8")
    [text] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    sheet = read_sheet(text.replace('"…"', '"quatorze lettres et plus"'))
    assert isinstance(sheet, Whole)
    told = set(re.findall(r"^\| (`.*`) \|", page, re.MULTILINE))
    told = {name for words in told for name in re.findall(r"`(\w+)`", words)}
    assert told >= {one.name for one in msgspec.structs.fields(FirstBoot)}
