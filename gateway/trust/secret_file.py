"""Small secrets of the box kept sealed by the vault: the homologation number and its like. Never in relais.toml, never in a log."""

from __future__ import annotations

from pathlib import Path

from gateway.trust.errors import KeyUnavailable
from gateway.trust.files import private_folder, write_durably
from gateway.trust.vault import Vault

HOMOLOGATION = "lps-homologation"
"""LPS_ID_HOMOLOGATION_DMP (EX_GEN-1490: confidential; dmp.md section 2)."""


def keep_secret(home: Path, vault: Vault, name: str, value: str) -> None:
    """Seal a secret under its name; replaces the former one. Raises OSError."""
    folder = private_folder(home / "secrets")
    write_durably(folder / f"{name}.sealed", vault.seal_small(value.encode(), secret_context(name)))


def read_secret(home: Path, vault: Vault, name: str) -> str | None:
    """The secret of that name, None when none is kept; raises BlobDamaged, BoxKeyUnavailable, KeyUnavailable."""
    path = home / "secrets" / f"{name}.sealed"
    try:
        sealed = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise KeyUnavailable(type(problem).__name__, role=name, structure="du boîtier") from problem
    return vault.open_small(sealed, secret_context(name)).decode()


def secret_context(name: str) -> bytes:
    """What the seal of a secret is bound to."""
    return f"secret/{name}".encode()
