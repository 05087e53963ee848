"""`relais mqtt password|certificate --home DIR`: seals what the box shows the MQTT broker.

Secrets come by the terminal or by standard input, never as arguments, which every user of the machine can read.
"""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from gateway.kernel.config import read_configuration
from gateway.kernel.errors import ConfigurationFault
from gateway.kernel.home import Home
from gateway.trust.broker_secrets import PASSWORD, keep_broker_identity
from gateway.trust.certificate import distinguished_name
from gateway.trust.secret_file import keep_secret
from gateway.trust.vault import open_vault


class BrokerFileMissing(ConfigurationFault):
    """No certificate file was given, or it cannot be read."""

    code = "mqtt-file-missing"
    what = "Le fichier du certificat (.p12) manque ou ne peut pas être lu."
    gesture = "Par exemple : relais mqtt certificate boitier.p12 --home /var/lib/relais."


class BrokerPasswordEmpty(ConfigurationFault):
    """Nothing came by the terminal or standard input."""

    code = "mqtt-password-empty"
    what = "Aucun mot de passe n'a été donné."
    gesture = "Tapez le mot de passe quand il est demandé, ou donnez-le sur l'entrée standard."


def mqtt(home: Home, action: str, file: Path | None) -> int:
    """Seal the password or the certificate.

    Raises BrokerFileMissing, BrokerPasswordEmpty, ConfigurationInvalid, and what opening a .p12 or the box's key raises.
    """
    vault = open_vault(home.root, settings=read_configuration(home.configuration).box_key)
    if action == "password":
        keep_secret(home.root, vault, PASSWORD, _asked("Mot de passe MQTT : "))
        print("Mot de passe scellé.")
        return 0
    try:
        data = file.read_bytes() if file is not None else None
    except OSError:
        data = None
    if data is None:
        raise BrokerFileMissing
    certificate = keep_broker_identity(home.root, vault, data, _asked("Mot de passe du fichier : "))
    print(f"Certificat scellé : {distinguished_name(certificate.subject)}.")
    return 0


def _asked(question: str) -> str:
    text = getpass.getpass(question) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise BrokerPasswordEmpty
    return text
