"""The pack's own mechanics, on a small invented schema; the official one is used in tests/conformity."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cda import conformity
from gateway.cda.conformity import PackInvalid, install_pack, load_pack
from gateway.xml.errors import XmlForbidden

XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:hl7-org:v3" elementFormDefault="qualified">
<xs:include schemaLocation="parts/kinds.xsd"/>
<xs:element name="ClinicalDocument"><xs:complexType><xs:sequence><xs:element name="title" type="xs:string"/></xs:sequence></xs:complexType>
</xs:element></xs:schema>"""
KINDS = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:hl7-org:v3"/>'
DAY = datetime(2026, 11, 22, 9, tzinfo=UTC)
GOOD = b'<ClinicalDocument xmlns="urn:hl7-org:v3"><title>x</title></ClinicalDocument>'
BAD = b'<ClinicalDocument xmlns="urn:hl7-org:v3"><name>PAT-TROIS</name></ClinicalDocument>'


def download(folder: Path, xsd: str = "xsd", extra: str = "") -> Path:
    (folder / xsd / "parts").mkdir(parents=True)
    (folder / xsd / "CDA_extended.xsd").write_text(XSD + extra, encoding="utf-8")
    (folder / xsd / "parts" / "kinds.xsd").write_text(KINDS, encoding="utf-8")
    (folder / "schematrons").mkdir()
    (folder / "schematrons" / "a.sch").write_text("<a/>", encoding="utf-8")
    (folder / "readme.txt").write_text("not taken", encoding="utf-8")
    (folder / xsd / "tool.exe").write_text("not taken", encoding="utf-8")
    return folder


def names(home: Path) -> set[str]:
    return {path.name for path in (home / "conformity").iterdir()}


def test_without_a_pack_there_is_nothing_to_validate_with(tmp_path: Path) -> None:
    assert load_pack(tmp_path) is None


@pytest.mark.parametrize("shape", ["xsd", "infrastructure/cda"])
def test_a_pack_is_copied_by_version_and_used(tmp_path: Path, shape: str) -> None:
    info = install_pack(download(tmp_path / "in", shape), tmp_path / "home", now=DAY)
    assert info.version == f"20261122-{info.sha256[:12]}"
    assert info.files == 3
    assert names(tmp_path / "home") == {"current", info.version}
    pack = load_pack(tmp_path / "home")
    assert pack is not None
    assert pack.info == info
    assert pack.validate(GOOD) == []
    (finding,) = pack.validate(BAD)
    assert finding.rule == "schema-element-content"
    assert "PAT-TROIS" not in finding.what
    assert not (tmp_path / "home" / "conformity" / info.version / "xsd" / "tool.exe").exists()


def test_a_draft_left_by_a_cut_is_swept(tmp_path: Path) -> None:
    (tmp_path / "home" / "conformity" / ".draft-old" / "xsd").mkdir(parents=True)
    info = install_pack(download(tmp_path / "in"), tmp_path / "home", now=DAY)
    assert names(tmp_path / "home") == {"current", info.version}


def test_the_source_may_go_away_afterwards(tmp_path: Path) -> None:
    source = download(tmp_path / "in")
    install_pack(source, tmp_path / "home")
    (source / "xsd" / "parts" / "kinds.xsd").unlink()
    pack = load_pack(tmp_path / "home")
    assert pack is not None
    assert pack.validate(GOOD) == []


def test_the_same_content_is_the_same_version(tmp_path: Path) -> None:
    source = download(tmp_path / "in")
    first = install_pack(source, tmp_path / "home", now=DAY)
    again = install_pack(source, tmp_path / "home", now=datetime(2027, 1, 1, tzinfo=UTC))
    assert again == first
    assert names(tmp_path / "home") == {"current", first.version}


def test_a_new_version_takes_over_and_the_old_one_stays(tmp_path: Path) -> None:
    first = install_pack(download(tmp_path / "one"), tmp_path / "home", now=DAY)
    second = install_pack(download(tmp_path / "two", extra="<!-- later -->"), tmp_path / "home", now=DAY)
    assert names(tmp_path / "home") == {"current", first.version, second.version}
    pack = load_pack(tmp_path / "home")
    assert pack is not None
    assert pack.info.version == second.version


def test_a_folder_that_is_no_pack_changes_nothing(tmp_path: Path) -> None:
    first = install_pack(download(tmp_path / "one"), tmp_path / "home", now=DAY)
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = download(tmp_path / "broken")
    (broken / "xsd" / "parts" / "kinds.xsd").unlink()
    garbage = download(tmp_path / "garbage")
    (garbage / "xsd" / "CDA_extended.xsd").write_text("<not-a-schema/>", encoding="utf-8")
    for source in (empty, broken, garbage, tmp_path / "absent"):
        with pytest.raises(PackInvalid) as refusal:
            install_pack(source, tmp_path / "home", now=DAY)
        assert refusal.value.code == "conformity-pack-invalid"
        assert refusal.value.explanation.what
        assert names(tmp_path / "home") == {"current", first.version}
    pack = load_pack(tmp_path / "home")
    assert pack is not None
    assert pack.info == first


def test_links_are_not_followed(tmp_path: Path) -> None:
    source = download(tmp_path / "in")
    secret = tmp_path / "secret.xml"
    secret.write_text("<secret/>", encoding="utf-8")
    (source / "xsd" / "link.xml").symlink_to(secret)
    info = install_pack(source, tmp_path / "home", now=DAY)
    assert info.files == 3


def test_a_cut_before_the_switch_leaves_the_old_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = install_pack(download(tmp_path / "one"), tmp_path / "home", now=DAY)

    def cut(path: Path, content: bytes) -> None:
        raise OSError("power")

    monkeypatch.setattr(conformity, "write_durably", cut)
    with pytest.raises(PackInvalid):
        install_pack(download(tmp_path / "two", extra="<!-- later -->"), tmp_path / "home", now=DAY)
    pack = load_pack(tmp_path / "home")
    assert pack is not None
    assert pack.info == first


def test_a_damaged_pack_is_told_and_can_be_installed_again(tmp_path: Path) -> None:
    source = download(tmp_path / "in")
    info = install_pack(source, tmp_path / "home", now=DAY)
    (tmp_path / "home" / "conformity" / info.version / "xsd" / "CDA_extended.xsd").unlink()
    with pytest.raises(PackInvalid):
        load_pack(tmp_path / "home")
    install_pack(source, tmp_path / "home", now=DAY)
    assert load_pack(tmp_path / "home") is not None


@pytest.mark.parametrize("current", [b"../../etc", b"..", b"/etc", b"\xff", b"", b"20260101-none", b"20260101-0123456789ab"])
def test_a_strange_current_is_refused(tmp_path: Path, current: bytes) -> None:
    install_pack(download(tmp_path / "in"), tmp_path / "home", now=DAY)
    (tmp_path / "home" / "conformity" / "current").write_bytes(current)
    with pytest.raises(PackInvalid):
        load_pack(tmp_path / "home")


def test_hostile_xml_is_refused_before_the_schema(tmp_path: Path) -> None:
    install_pack(download(tmp_path / "in"), tmp_path / "home")
    pack = load_pack(tmp_path / "home")
    assert pack is not None
    with pytest.raises(XmlForbidden):
        pack.validate(b"<!DOCTYPE a>" + GOOD)
    assert [one.rule for one in pack.validate(b"<a/>")] == ["schema"]
