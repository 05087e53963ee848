"""A sandbox listening on the loopback, and a structure enrolled with it. Keys are made once per run."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.sandbox.certificate_profiles import AUTH_CLI, SIGN
from gateway.sandbox.durable import write_atomically
from gateway.sandbox.pki import IssuedCertificate, Pki
from gateway.sandbox.run import Sandbox
from gateway.sandbox.tls import ServerTls

STRUCTURE = "10B0152872"
MAILBOX = "relais@cabinet-parc.sandbox.mssante.fr"


@dataclass(frozen=True, slots=True)
class Identity:
    """A client certificate on disk."""

    issued: IssuedCertificate
    file: Path
    """Certificate, chain and key in one PEM file."""


@pytest.fixture(scope="session")
def pki_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki-template") / "pki"
    ServerTls(Pki(folder)).context()
    return folder


@pytest.fixture(scope="session")
def identities(pki_template: Path) -> dict[str, Identity]:
    """AUTH_CLI and SIGN of the structure, AUTH_CLI of another one, all from the template's authority."""
    pki = Pki(pki_template)
    made = {
        "auth_cli": pki.issue(AUTH_CLI, struct_id=STRUCTURE, organisation="CABINET DU PARC", common_name="relais.test"),
        "sign": pki.issue(SIGN, struct_id=STRUCTURE, organisation="CABINET DU PARC", common_name="relais.test"),
        "other": pki.issue(AUTH_CLI, struct_id="10B0999999", organisation="CABINET VOISIN", common_name="voisin.test"),
    }
    return {name: written(issued, pki_template.parent / f"{name}.pem") for name, issued in made.items()}


@pytest.fixture
def home(pki_template: Path, identities: dict[str, Identity], tmp_path: Path) -> Path:
    """The home of a sandbox that has its PKI already."""
    shutil.copytree(pki_template, tmp_path / "sandbox" / "pki")
    return tmp_path / "sandbox"


@pytest.fixture
async def sandbox(home: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(home) as running:
        await running.open_mailbox(MAILBOX, STRUCTURE)
        yield running


def written(issued: IssuedCertificate, path: Path) -> Identity:
    """Put a certificate where OpenSSL can load it."""
    write_atomically(path, issued.cert_pem + issued.chain_pem + issued.key_pem, private=True)
    return Identity(issued, path)


def client_context(pki: Pki, identity: Identity | None) -> ssl.SSLContext:
    """What a careful client uses: the sandbox's root alone, host name checked, its own certificate."""
    context = ssl.create_default_context(cadata=pki.root_pem.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if identity is not None:
        context.load_cert_chain(identity.file)
    return context
