"""Independent judges of a PDF: Apache Preflight (PDF/A-1b), qpdf, poppler. All of them Debian packages."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.shared import missing
from tests.tools import need_tool

_JARS = ("preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "javax.activation", "jaxb-api")
_FOLDER = Path("/usr/share/java")


def preflight(*paths: Path) -> dict[str, list[str]]:
    """Errors that Apache Preflight finds against ISO 19005-1 level B, by file name; an empty list for a valid file."""
    java = need_tool("java")
    jars = [_FOLDER / f"{name}.jar" for name in _JARS]
    if absent := [jar.name for jar in jars if not jar.exists()]:
        missing(f"Apache Preflight is not installed ({', '.join(absent)})")
    found: dict[str, list[str]] = {}
    for path in paths:
        command = [java, "-cp", ":".join(map(str, jars)), "org.apache.pdfbox.preflight.Validator_A1b", path.name]
        done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)
        valid = f"The file {path.name} is a valid PDF/A-1b file" in done.stdout
        lines = [line for line in done.stdout.splitlines() if line[:1].isdigit()]
        found[path.name] = [] if valid else lines or [done.stdout + done.stderr]
    return found


def qpdf_check(path: Path) -> str:
    """What `qpdf --check` prints; it must say that no error was found."""
    return subprocess.run([need_tool("qpdf"), "--check", str(path)], capture_output=True, text=True, check=False).stdout


def text_of(path: Path) -> str:
    """The text that poppler reads."""
    return subprocess.run([need_tool("pdftotext"), "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout


def fonts_embedded(path: Path) -> list[bool]:
    """For each font that poppler lists, whether it is embedded."""
    done = subprocess.run([need_tool("pdffonts"), str(path)], capture_output=True, text=True, check=True)
    header, _, *rows = done.stdout.splitlines()
    column = header.index("emb")
    return [row[column : column + 3].strip() == "yes" for row in rows]


def page_count(path: Path) -> int:
    """Pages as pdfinfo counts them."""
    done = subprocess.run([need_tool("pdfinfo"), str(path)], capture_output=True, text=True, check=True)
    return int(next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("Pages:")))
