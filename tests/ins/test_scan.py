"""What a scanner may do to an INS datamatrix, and that no field is ever wrong for it (insi.md 5, case A29)."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ins import datamatrix, scan
from gateway.ins.datamatrix import GS, HEADER
from gateway.ins.scan import Scan, ScanAmbiguous, ScanIncomplete, ScanUnreadable
from gateway.kernel import oids
from gateway.kernel.errors import Refused
from gateway.model.patient import IdentityStatus, Ins, InsAuthorityUnknown, MatriculeKeyWrong, Patient, Sex, Traits, matricule_key
from tests.ins.test_datamatrix import VECTOR, someone

EXPECTED = Scan(
    ins=Ins(matricule="277010115400329", oid=oids.INS_NIR),
    birth_family_name="GARCIA-HAMMADI",
    birth_given_names="SARAH-LOU ANNA",
    sex=Sex.FEMALE,
    birth_date="1977-01-21",
    birth_place="01154",
    repaired=False,
)
REPAIRED = msgspec.structs.replace(EXPECTED, repaired=True)
RENDERINGS = ("<GS>", "{GS}", "[gs]", "␝", r"\x1d", "\\u001D", "^]", "↔")

BLOCKS = {
    "S1": "277010115400329",
    "S2": "1.2.250.1.213.1.4.8",
    "S3": "SARAH-LOU ANNA",
    "S4": "GARCIA-HAMMADI",
    "S5": "F",
    "S6": "21-01-1977",
    "S7": "01154",
}
VARIABLE = {"S2", "S3", "S4"}

# Keys of the two keyboards, told again here so that the reader is not judged by its own table.
FRENCH = dict(zip("1234567890-.", "&é\"'(-è_çà):", strict=True)) | {"'": "ù", "Q": "A", "A": "Q", "W": "Z", "Z": "W", "M": "?", " ": " "}
SHIFT_LOCKED = dict(zip("1234567890-.", "1234567890°/", strict=True)) | {
    "'": "%",
    "q": "a",
    "a": "q",
    "w": "z",
    "z": "w",
    "m": ",",
    " ": " ",
}
ENGLISH = dict(zip("1234567890-.", "!@#$%^&*()6<", strict=True)) | {"'": "4", "Q": "A", "A": "Q", "W": "Z", "Z": "W", "M": ":", " ": " "}


def arranged(order: tuple[str, ...], separator: str = GS) -> str:
    """The vector with its blocks in another order; the last one needs no separator."""
    last = order[-1]
    return HEADER + "".join(one + BLOCKS[one] + (separator if one in VARIABLE and one != last else "") for one in order)


def read(text: str) -> Scan:
    return scan.read(text, environment="production")


def test_a28_the_published_vector_is_read_back() -> None:
    assert read(VECTOR) == EXPECTED


def test_a29_the_last_block_may_be_the_name() -> None:
    assert read(arranged(("S1", "S2", "S3", "S5", "S6", "S7", "S4"))) == EXPECTED


def test_a29_blocks_are_read_in_any_order() -> None:
    for order in itertools.permutations(BLOCKS):
        assert read(arranged(order)) == EXPECTED
        assert read(arranged(order, "")) == (EXPECTED if arranged(order) == arranged(order, "") else REPAIRED)


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_a29_a_separator_as_text_is_read_and_told(rendering: str) -> None:
    for order in (tuple(BLOCKS), ("S1", "S2", "S3", "S5", "S6", "S7", "S4")):
        assert read(arranged(order, rendering)) == REPAIRED


def test_a29_a_separator_lost_or_made_a_space_is_read_and_told() -> None:
    assert read(VECTOR.replace(GS, "")) == REPAIRED
    assert read(VECTOR.replace(GS, " ")) == REPAIRED
    assert read(VECTOR.replace(GS, "", 1)) == REPAIRED


def test_a29_text_cut_anywhere_is_never_another_identity() -> None:
    for text in (VECTOR, VECTOR.replace(GS, "")):
        for length in range(len(text)):
            try:
                found = read(text[:length])
            except Refused:
                continue
            assert length == len(text) - len("S701154"), "only the optional block may be missing"
            assert msgspec.structs.replace(found, repaired=False) == msgspec.structs.replace(EXPECTED, birth_place=None)


def test_a29_a_last_name_that_may_have_swallowed_the_letter_of_an_id_is_ambiguous() -> None:
    cut = arranged(("S1", "S2", "S3", "S5", "S6", "S4", "S7"), "").removesuffix("701154")
    assert cut.endswith("HAMMADIS")
    with pytest.raises(ScanAmbiguous):
        read(cut)


def test_the_letters_of_an_id_within_a_name_or_a_value_are_no_block() -> None:
    made = datamatrix.write(
        someone(birth_family_name="DUMAS S S'S", birth_given_names="ALEXIS S", first_birth_given_name="ALEXIS"), environment="test"
    )
    for text in (made, made.replace(GS, "")):
        found = read(text)
        assert (found.birth_family_name, found.birth_given_names) == ("DUMAS S S'S", "ALEXIS S")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("".join(FRENCH.get(one, one) for one in VECTOR), "French keyboard"),
        ("".join(FRENCH.get(one, one) for one in VECTOR.replace(GS, "")), "French keyboard, separators lost"),
        ("".join(FRENCH.get(one, one) for one in VECTOR).replace(GS, "<GS>"), "French keyboard, separators told by a program"),
        ("".join(FRENCH.get(one, one) for one in VECTOR).replace(GS, ".GS/"), "French keyboard, separators typed as text"),
        ("".join(FRENCH.get(one, one) for one in VECTOR).replace("-", "§").replace("_", "!"), "Belgian or Apple keyboard"),
        ("".join(SHIFT_LOCKED.get(one, one) for one in VECTOR.lower()), "French keyboard with its shift lock"),
        ("".join(ENGLISH.get(one, one) for one in VECTOR), "French scanner on an English keyboard"),
        (VECTOR.lower(), "capitals lock"),
        (f"]d2{VECTOR}\r\n", "symbology identifier and end of line"),
    ],
)
def test_a29_a_keyboard_that_the_header_proves_is_put_right(typed: str, why: str) -> None:
    assert read(typed) == (EXPECTED if why.startswith("symbology") else REPAIRED)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", ScanUnreadable),
        ("S1277010115400329", ScanUnreadable),
        (VECTOR.replace("IS01", "IS02"), ScanUnreadable),
        (VECTOR.replace("IS01", "DC04"), ScanUnreadable),
        (VECTOR + "S5F", ScanUnreadable),
        (VECTOR + "S8X", ScanUnreadable),
        (VECTOR + VECTOR, ScanUnreadable),
        (VECTOR.replace("S5F", "S5I"), ScanUnreadable),
        (VECTOR.replace("21-01-1977", "1977-01-21"), ScanUnreadable),
        (VECTOR.replace("21-01-1977", "21-41-1977").replace("-41-", "-4 -"), ScanUnreadable),
        (VECTOR.replace("S701154", "S7O1154"), ScanUnreadable),
        (VECTOR.replace("GARCIA", "garcia"), ScanUnreadable),
        (VECTOR.replace("GARCIA", "GARCÍA"), ScanUnreadable),
        (VECTOR.replace("S5F", ""), ScanIncomplete),
        (VECTOR + "S", ScanIncomplete),
        (VECTOR.replace(GS, "|"), ScanUnreadable),
        (VECTOR.replace("0329", "0328"), MatriculeKeyWrong),
        (VECTOR.replace("4.8", "4.2"), InsAuthorityUnknown),
        (VECTOR.replace("S4GARCIA", "S4" + 101 * "A" + "GARCIA"), ScanUnreadable),
        (VECTOR + 2000 * "A", ScanUnreadable),
    ],
)
def test_a29_what_is_not_the_format_is_refused(text: str, refusal: type[Refused]) -> None:
    with pytest.raises(refusal) as raised:
        read(text)
    assert raised.value.field is not None
    assert raised.value.field.startswith("scan")
    assert "GARCIA" not in str(raised.value)
    assert "GARCIA" not in raised.value.technical


def test_a30_an_ins_of_test_is_refused_by_a_production_box() -> None:
    text = datamatrix.write(someone(oid=oids.INS_NIR_TEST), environment="test")
    assert scan.read(text, environment="test").ins.oid == oids.INS_NIR_TEST
    with pytest.raises(InsAuthorityUnknown) as raised:
        read(text)
    assert raised.value.field == "scan.ins.oid"


def test_a_scan_does_not_tell_its_identity() -> None:
    assert "GARCIA" not in repr(read(VECTOR))


_NAME = st.from_regex(r"[A-Z]{1,12}(?:[ '-][A-Z]{1,8}){0,5}", fullmatch=True)
_DATES = st.dates().map(lambda one: f"{max(one.year, 1850):04d}-{one.month:02d}-{min(one.day, 28):02d}")


@st.composite
def people(draw: st.DrawFn) -> Patient:
    given = draw(_NAME)
    number = f"{draw(st.integers(0, 99999)):05d}{draw(st.sampled_from(['2A', '2B', '13', '97']))}{draw(st.integers(0, 999999)):06d}"
    traits = Traits(
        birth_family_name=draw(_NAME),
        birth_given_names=given,
        first_birth_given_name=given.split(" ")[0],
        sex=draw(st.sampled_from([Sex.FEMALE, Sex.MALE])),
        birth_date=draw(_DATES),
        birth_place=draw(st.sampled_from(["2A004", "75056", "99109", "01154"])),
    )
    ins = Ins(matricule=number + matricule_key(number), oid=draw(st.sampled_from(sorted(oids.INS_ALL))))
    return Patient(local_id="P-1", traits=traits, status=IdentityStatus.QUALIFIEE, ins=ins)


def _same(found: Scan, patient: Patient) -> bool:
    traits = patient.traits
    told = (found.ins, found.birth_family_name, found.birth_given_names, found.sex, found.birth_date)
    expected = (patient.ins, traits.birth_family_name, traits.birth_given_names, traits.sex, traits.birth_date)
    return told == expected and found.birth_place in {traits.birth_place, None}


@given(people())
def test_what_is_written_is_read_back(patient: Patient) -> None:
    found = scan.read(datamatrix.write(patient, environment="test"), environment="test")
    assert _same(found, patient)
    assert not found.repaired
    assert found.birth_place == patient.traits.birth_place


@given(people(), st.data())
def test_a29_random_losses_of_separators_never_give_a_wrong_field(patient: Patient, data: st.DataObject) -> None:
    text = datamatrix.write(patient, environment="test")
    pieces = text.split(GS)
    joints = [data.draw(st.sampled_from([GS, "", " ", *RENDERINGS])) for _ in pieces[1:]]
    altered = pieces[0] + "".join(joint + piece for joint, piece in zip(joints, pieces[1:], strict=True))
    try:
        found = scan.read(altered, environment="test")
    except Refused:
        return
    assert _same(found, patient)
    assert found.repaired is (altered != text)


@given(people(), st.data())
@settings(max_examples=300)
def test_a29_a_keyboard_and_losses_together_never_give_a_wrong_field(patient: Patient, data: st.DataObject) -> None:
    keys = data.draw(st.sampled_from([FRENCH, ENGLISH, SHIFT_LOCKED]))
    text = datamatrix.write(patient, environment="test").replace(GS, data.draw(st.sampled_from([GS, "", "<GS>"])))
    meant = text.lower() if keys is SHIFT_LOCKED else text
    found = scan.read("".join(keys.get(one, one) for one in meant), environment="test")
    assert _same(found, patient)
    assert found.repaired


@given(st.one_of(st.text(max_size=1200), st.text(alphabet="S1234567IF<>GS^] .-'AZ\x1dà&é", max_size=300).map(HEADER.__add__)))
@settings(max_examples=400)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read(text)
    except Refused:
        return
    assert found.ins.matricule in text


def test_the_keyboard_that_was_at_work_is_named() -> None:
    assert scan.layouts(VECTOR) == ("same",)
    assert scan.layouts("]d2" + VECTOR.swapcase()) == ("capitals",)
    assert scan.layouts("".join(FRENCH.get(sign, sign) for sign in VECTOR)) == ("azerty",)
    assert scan.layouts("".join(ENGLISH.get(sign, sign) for sign in VECTOR)) == ("qwerty",)
    assert scan.layouts("https://relais.test/IS01") == ()


def test_what_became_of_the_separators_is_told() -> None:
    assert scan.separators(VECTOR) == "kept"
    assert scan.separators(VECTOR.replace(GS, "")) == "lost"
    for rendering in RENDERINGS:
        assert scan.separators(VECTOR.replace(GS, rendering)) == "written"
