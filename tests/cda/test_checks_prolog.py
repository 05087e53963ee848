from __future__ import annotations

import pytest

from gateway.cda.checks import check_document
from tests.cda.test_checks import FULL


def rules(prolog: str) -> set[str]:
    declaration, root, rest = FULL.partition("<ClinicalDocument")
    return {one.rule for one in check_document(f"{declaration}{prolog}\n{root}{rest}".encode())}


@pytest.mark.parametrize(
    "href",
    [
        "http://evil.test/a.xsl", "HTTPS://evil.test/", "//evil.test/a.xsl", "\\\\evil.test\\a.xsl", "\\evil.test", "/\\evil.test/a.xsl",
        "file:///etc/passwd", "data:text/xsl,x", "javascript:x()", " http://evil.test", "ht&#x74;p://evil.test", "ht&#10;tp://evil.test",
        "&#47;/evil.test", "/&#9;/evil.test", "C:\\a.xsl",
    ],
)  # fmt: skip
@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_style_sheet_elsewhere_is_found(href: str, quote: str) -> None:
    assert rules(f'<?xml-stylesheet type="text/xsl" href={quote}{href}{quote}?>') == {"instruction-elsewhere"}


@pytest.mark.parametrize(
    "instruction",
    [
        '<?xml-stylesheet href="a.xsl" href="http://evil.test/"?>',
        '<?xml-stylesheet href="http://evil.test/" href="a.xsl"?>',
        '<!-- said --><?xml-stylesheet href="a.xsl"?>\n<?xml-stylesheet href="//evil.test/a.xsl"?>',
        "<?xml-stylesheet href=http://evil.test/?>",
        '<?oxygen SCHSchema="http://evil.test/a.sch"?>',
    ],
)
def test_no_way_of_writing_it_hides_it(instruction: str) -> None:
    assert rules(instruction) == {"instruction-elsewhere"}


@pytest.mark.parametrize("instruction", ['<?xml-model href="a.rng"?>', "<?php phpinfo() ?>", "<?x?>"])
def test_any_other_instruction_is_found(instruction: str) -> None:
    assert rules(instruction) == {"instruction"}


@pytest.mark.parametrize(
    "prolog",
    [
        "",
        '<?xml-stylesheet type="text/xsl" href="CDA-FO.xsl"?>',
        "<?xml-stylesheet href='../FeuilleDeStyle/CDA-FO.xsl' type='text/xsl' ?>",
        '<?oxygen SCHSchema="../schematrons/profils/IHE.sch"?>\n<!-- a comment -->',
    ],
)
def test_local_names_are_let_through(prolog: str) -> None:
    assert rules(prolog) == set()
