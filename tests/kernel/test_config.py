from __future__ import annotations

from pathlib import Path

import pytest

from gateway.kernel.config import ConfigurationInvalid, read_configuration

GOOD = """\
[dmp]
url = "https://dmp.test/si-dmp-server/v2/services"

[[structures]]
id = "10B0152872"
name = "CABINET"
patient_root = "1.2.3"
source_id = "1.2.4"
professionals = [{ id = "899700366240", family = "MOREL", given = "CAMILLE" }]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "relais.toml"
    path.write_text(text)
    return path


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    read = read_configuration(written(tmp_path, GOOD))
    structure = read.structure("10B0152872")
    assert structure is not None
    assert structure.professional("899700366240") is not None
    assert read.require_synchronised_clock


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("url =", "adresse ="), "« adresse » n'est pas un réglage connu dans « dmp »"),
        (('url = "https://dmp.test/si-dmp-server/v2/services"\n', ""), "il manque « url » dans « dmp »"),
        (('name = "CABINET"', "name = 12"), "une valeur n'a pas la forme attendue dans « structures[0].name »"),
        (("[dmp]", "[dmp"), "sa syntaxe TOML est fausse"),
        (("[[structures]]", "[[structure]]"), "« structure »"),
    ],
)
def test_the_place_at_fault_is_told_in_french(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refusal:
        read_configuration(written(tmp_path, GOOD.replace(*change)))
    assert told in refusal.value.explanation.what


def test_two_structures_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = GOOD + GOOD[GOOD.index("[[structures]]") :]
    with pytest.raises(ConfigurationInvalid):
        read_configuration(written(tmp_path, twice))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid) as refusal:
        read_configuration(tmp_path / "relais.toml")
    assert "il manque ou ne peut pas être lu" in refusal.value.explanation.what
