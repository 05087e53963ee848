"""The configuration of a box: one tree of frozen values read from `relais.toml`, each refusal explained.

What the dossiers mark as memory or reconstruction ([K], [R]) is a setting here, with the default the dossier recommends.
Secrets are never in this file: keys live in the key store, the homologation number in a sealed file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from gateway.kernel.errors import ConfigurationFault

_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ConfigurationInvalid(ConfigurationFault):
    """relais.toml is missing, unreadable or says something impossible."""

    code = "configuration-invalid"
    what = "Le fichier de configuration de Relais est illisible ou incomplet : {reason}."
    gesture = "Corrigez le fichier relais.toml à l'endroit indiqué, puis redémarrez Relais."


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Listener(_Section, frozen=True, kw_only=True):
    """Where the LAN API and page listen; port 0 takes any free one."""

    host: str = "0.0.0.0"  # noqa: S104 - the box serves its whole LAN; nftables limits who reaches it
    port: int = 443
    names: tuple[str, ...] = ("relais.local", "localhost", "127.0.0.1", "::1")
    """Names and addresses of the LAN certificate."""

    @property
    def elsewhere(self) -> tuple[tuple[str, int], ...]:
        """Where another box with our names would answer: name or address, and port; none while the port is any."""
        return tuple((one, self.port) for one in self.names if self.port and one not in _LOOPBACK)


class Limits(_Section, frozen=True, kw_only=True):
    """Sizes and rates that protect the box."""

    document_bytes: int = 10_000_000
    request_bytes: int = 65_536
    large_document_bytes: int = 1_000_000
    large_in_flight: int = 3
    """Documents over `large_document_bytes` prepared or sent at once, one place being kept for preparation; 2 at least."""
    uploads_bytes: int = 64_000_000
    """Bodies being received, all together, in bytes; 503 beyond."""
    body_idle_seconds: float = 30.0
    """A body of which nothing comes for so long is refused (408)."""
    conversion_seconds: int = 60
    conversion_memory_bytes: int = 512_000_000
    disk_reserve_bytes: int = 200_000_000
    requests_per_minute: int = 600
    """Per workstation; 429 beyond."""
    existence_cache_seconds: int = 86_400
    """TD0.2 answers are kept at most a day (dmp.md 6.2 [K])."""


class Backoff(_Section, frozen=True, kw_only=True):
    """Age doubling between a floor and a ceiling, in seconds; after `give_up` the delivery waits for a person."""

    floor: float
    ceiling: float
    give_up: float


class Retry(_Section, frozen=True, kw_only=True):
    """Policy per error class; the channel has no say (design, rule 9)."""

    transient: Backoff = Backoff(floor=5.0, ceiling=3600.0, give_up=259_200.0)
    configuration: Backoff = Backoff(floor=60.0, ceiling=3600.0, give_up=2_592_000.0)
    unknown: Backoff = Backoff(floor=60.0, ceiling=600.0, give_up=86_400.0)
    mail_unknown_wait: float = 600.0
    """Wait before a mail whose answer was lost is sent again with the same Message-ID (mssante.md 7.3)."""
    dead_after: int = 3
    """Consecutive failures to reach a destination before it is marked dead and only probed."""
    probe_every: float = 30.0


class Dmp(_Section, frozen=True, kw_only=True):
    """The DMP's address and profile (dmp.md 1.2, 2, 4). Hosts are given at referencing by the CNDA."""

    url: str
    """Base ending in /si-dmp-server/v2/services."""
    lps_name: str = "Relais"
    lps_version: str = "0.1"
    lps_id: str | None = None
    editor_oid: str = "1.2.250.1.213.1.1.4.999"
    """OID of the editor as sender device of TD0.2 [K]."""
    vihf_version: str = "3.0"
    """3.0 in kits and traces, 4.0 in one ANS table: unresolved."""
    authentication_mode_attribute: str = "Authentification_Mode"
    """Casing differs between sources."""
    lot_digest: Literal["sha1", "sha256"] = "sha256"
    lot_xades: Literal["1.1.1", "1.3.2"] = "1.1.1"
    concurrency: int = 4
    connect_seconds: float = 10.0
    answer_seconds: float = 60.0
    probe_wait_seconds: float = 60.0
    """Wait between an empty probe and the next one (dmp.md 6.1)."""


class Mss(_Section, frozen=True, kw_only=True):
    """MSSanté profile common to the box (mssante.md 1.6, 2, 3)."""

    patient_domain: str = "patient.mssante.fr"
    product_number: str = "DEV000000"
    """X-MSS-NIL, given by Convergence."""
    replacement_marker: Literal["before", "after"] = "before"
    """Place of [Annule et remplace] around XDM/1.0/DDM: sources disagree."""
    concurrency: int = 2
    answer_seconds: float = 60.0


class InsiSoftware(_Section, frozen=True, kw_only=True):
    """A cabinet software known to the CNDA: its own authorisation number (insi.md 6: whether one number may serve all is open [R])."""

    id: str
    """Name under which workstations are tied to it."""
    idam: str
    name: str
    version: str


class Insi(_Section, frozen=True, kw_only=True):
    """The INSi teleservice (insi.md 1.2, 6). No address by default: production ones are known from memory only [K]."""

    url: str | None = None
    """Mutual TLS, path included; None: INSi is not called."""
    card_url: str | None = None
    """One-way TLS, for calls signed by a CPx card."""
    card_assertion_seconds: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    """How long what a card signed serves again for the same person, without its PIN; destroyed when the card leaves. 0: sign each call."""
    platform: Literal["production", "qualification"] = "production"
    """On the editors' platform insi_101 and insi_102 mean "not found or base unavailable" (insi.md 3.7)."""
    software: tuple[InsiSoftware, ...] = ()
    """The first one also serves the box's own calls and workstations tied to none."""
    installation: str | None = None
    """UUID of this installation in ContexteLPS; made from the box's key when not given."""
    software_name_prefix: str = "urn:lps:"
    """Before the name in ContexteLPS: a public client had to add it."""
    birth_place: Literal["when_several", "always"] = "when_several"
    """When the COG goes with a search: after a 02 (insi.md 1.6), or in every call."""
    verification: bool = False
    """WS_INS3, reconstructed: its contract is not public [R]."""
    injection: bool = False
    """Official files in the place of answers, for the CNDA's tests; refused in production."""
    connect_seconds: float = 5.0
    answer_seconds: float = 30.0
    budget_seconds: float = 10.0
    """How long a person waits before "deferred"."""
    calls_per_second: float = 2.0
    """Per certificate, one at a time [R]."""
    open_after: int = 5
    """Consecutive transient failures after which the service is left alone for a while."""
    retry: Backoff = Backoff(floor=2.0, ceiling=300.0, give_up=86_400.0)
    searches_per_hour: int = 120
    """Searches of one workstation: the box is no identity oracle."""
    misses_per_hour: int = 40
    """Searches of one workstation that found nobody, or several."""
    keep_calls_days: Annotated[int, msgspec.Meta(ge=0)] = 1095
    """How long the request and the answer of each call are kept; 0: for ever. Three years: by then the INS it gave should have been
    verified by a newer one (insi.md 4.6). What INSi returned stays in the registry (EXI REC 08), and who asked what
    in the audit trail."""
    keep_searches_days: Annotated[int, msgspec.Meta(ge=0)] = 90
    """How long the results of deferred searches and of lists are kept: they repeat the calls and the registry; 0: for ever [R]."""


class Identification(_Section, frozen=True, kw_only=True):
    """How the structure keeps identities (RNIV, insi.md 4)."""

    accept_exact: bool = True
    """An answer whose traits are all exactly those of the practice is accepted without asking (insi.md 4.4 [K])."""
    compare_text: bool = True
    """The text of each PDF is compared with the identity before it leaves; a contradiction waits for a person."""
    evidence: tuple[str, ...] = ()
    """Kinds of document the structure admits, by code; all of them when empty."""
    night: str = "01:00-05:00"
    """Local hours of the box's own verifications."""
    verify_after_days: int = 0
    """Age after which qualified identities are verified again; 0: never (insi.md 4.6 recommends 3 to 5 years [K])."""
    vitale_reading_minutes: int = 20
    """Age over which a card must be read again (CNDA test 1.02)."""


_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


def minutes_of(hours: str) -> tuple[int, int]:
    """Start and end of `HH:MM-HH:MM` in minutes of the day; raises ConfigurationInvalid for anything else."""
    found = _HOURS.fullmatch(hours)
    if found is None:
        raise ConfigurationInvalid(reason="« identification.night » doit être de la forme 01:00-05:00")
    start_hour, start_minute, end_hour, end_minute = (int(part) for part in found.groups())
    return start_hour * 60 + start_minute, end_hour * 60 + end_minute


class Bus(_Section, frozen=True, kw_only=True):
    """The MQTT broker of the practice, told how the box stands and what happens at its readers; off by default."""

    host: str | None = None
    """None: nothing is published."""
    port: int = 8883
    tls: bool = True
    """False only for a broker on the box itself."""
    ca: str = "mqtt-ca.pem"
    """Authorities of the broker (PEM), a file of the box's folder."""
    user: str | None = None
    """Its password is sealed apart, as the key of a client certificate is."""
    site: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}(?![\s\S])")] = "cabinet"
    """Topics begin with relais/<site>."""
    state_seconds: Annotated[float, msgspec.Meta(ge=0.1)] = 5.0
    """Seconds between two looks at how the box stands; published when it changed, and every minute."""
    longest_wait: Annotated[float, msgspec.Meta(ge=1)] = 60.0
    """Seconds between two attempts to connect, at most; it never gives up."""
    buffered: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 500
    """Events kept while the broker is away; the oldest go first."""


class Certificates(_Section, frozen=True, kw_only=True):
    """How the certificates of the structures take over from one another (cards.md 5.1)."""

    automatic: bool = True
    """The next certificate comes into use by itself, once rehearsed; otherwise a person says so."""
    switch_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 30
    """Days before the end of the certificate in use."""
    ocsp: bool = False
    """Ask the authority's OCSP responder about our own certificates as well; its answers are not needed: lists are fetched every day."""


class ScannerDesk(_Section, frozen=True, kw_only=True):
    """A barcode scanner whose workstation is fixed here rather than by an act on the page."""

    id: str
    """As GET /scanners and the page of scanners give it."""
    workstation: str
    """Name of a paired workstation."""


class Devices(_Section, frozen=True, kw_only=True):
    """Card readers, scanners and panel: the process that owns them, and what it is given when the gateway starts it."""

    start: Literal["none", "gateway", "service"] = "none"
    """none: this box drives no device; gateway: started and supervised by the gateway; service: by systemd, with settings of its own."""
    socket: str | None = None
    """Where it listens; devices.sock of the box's folder, or /run/relais-devices/socket for the service, when not given."""
    token_library: str | None = None
    """PKCS#11 library for CPx cards: the Cryptolib CPS or OpenSC (cards.md 1.9). None: cards are seen, not used."""
    token_environment: dict[str, str] = {}
    """Variables of the helper process that loads it."""
    vitale_command: tuple[str, ...] = ()
    """Absolute path and arguments of the licensed program that reads Vitale cards; none by default (cards.md 2.2)."""
    scanner_lines: tuple[str, ...] = ()
    """Serial lines of scanners beside those of known makers."""
    panel: Literal["none", "usb", "line", "kernel"] = "none"
    """What shows the lamps."""
    panel_watchdog_seconds: Annotated[int, msgspec.Meta(ge=60, le=3600)] | None = None
    """The panel resets a box whose queue or journal has not moved for so long; None: never. Leaves room for a restart of the services."""

    def socket_in(self, home: Path) -> Path | None:
        """The socket of the device process; None for a box without one."""
        if self.start == "none":
            return None
        if self.socket is not None:
            return Path(self.socket)
        return home / "devices.sock" if self.start == "gateway" else Path("/run/relais-devices/socket")


class Pairing(_Section, frozen=True, kw_only=True):
    """How workstations are paired."""

    minutes: Annotated[int, msgspec.Meta(ge=1, le=15)] = 2
    """How long a press of the button, or the operator, lets one workstation ask for its token."""
    token_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 0
    """How long a workstation's token is good; 0: until it is revoked. Only a trusted clock ends it; an operator's does not end."""


class FactoryReset(_Section, frozen=True, kw_only=True):
    """What a button held for ten seconds leads to."""

    grace_seconds: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 60
    """How long anybody who is paired may take it back; the box stops and is erased after that."""


class Backup(_Section, frozen=True, kw_only=True):
    """Where the encrypted backups of the box go (`relais-provision backup`)."""

    folder: str | None = None
    """Absolute path of a folder on another disk (a mounted stick or share). None: no backup is made."""
    every_hours: Annotated[int, msgspec.Meta(ge=1, le=168)] = 24
    keep: Annotated[int, msgspec.Meta(ge=1, le=400)] = 14
    """Backups of this box kept there; the oldest go once a new one is whole."""


class Replacement(_Section, frozen=True, kw_only=True):
    """How a box learns that another took its place; it also looks beside its backups."""

    peers: tuple[Annotated[str, msgspec.Meta(pattern=r"^https://[0-9A-Za-z.:\[\]-]{1,253}(?![\s\S])")], ...] = ()
    """Addresses asked (https://name or https://name:port), besides the names of the LAN certificate."""
    look_seconds: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60.0
    """Between two looks; the first one comes before anything leaves."""


class BoxKey(_Section, frozen=True, kw_only=True):
    """Where the key that protects everything at rest is kept (cards.md 5.2, image.md 6)."""

    custody: Literal["auto", "credential", "tpm", "passphrase", "file"] = "auto"
    """auto: the strongest place where the key is found. Another word imposes that place: the box does not start without it."""
    tpm: str = "device:/dev/tpmrm0"
    """Address of the TPM (TCTI of tpm2-tools)."""
    pcrs: Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9]{1,2}(,[0-9]{1,2})*(?![\s\S])")] = "sha256:7"
    """Measurements the key is bound to; those that measure the kernel would break at each update (image.md 6)."""


class EsignsanteSignature(_Section, frozen=True, kw_only=True):
    """One `idSignConf` of the esignsante routes: whose key, and how."""

    id: Annotated[int, msgspec.Meta(ge=0, le=999_999_999)]
    structure: str
    packaging: Literal["ENVELOPING", "ENVELOPED"] = "ENVELOPING"
    """For XML signatures; a PDF always carries its own."""
    digest: Literal["SHA256", "SHA512"] = "SHA256"
    canonicalisation: Literal[
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    ] = "http://www.w3.org/2001/10/xml-exc-c14n#"


class Esignsante(_Section, frozen=True, kw_only=True):
    """The numbers that software written against esignsante already sends (cda_signing.md 4.2)."""

    signatures: tuple[EsignsanteSignature, ...] = ()
    """When none is given: structure n of this file has 2n-1 (enveloping) and 2n (enveloped)."""
    verifications: tuple[int, ...] = (1,)
    """Accepted `idVerifSignConf` and `idVerifCertConf`: all rules apply, whatever the number."""


class Professional(_Section, frozen=True, kw_only=True):
    """A professional of a structure, by PS_IdNat (8 + RPPS)."""

    id: str
    family: str
    given: str
    civility: str | None = None
    title: str | None = None
    profession: str = "10"
    """G15 code: 10 médecin."""
    specialty: str = "SM26"
    """Savoir-faire; the XDS specialty is G15_<profession>/<specialty>."""
    billing_id: str | None = None
    """identifiantFacturation of INSi by card: number known to the health insurance (insi.md 2.2); that of the structure when not given."""
    billing_specialty: str | None = None
    """codeSpecialite of the health insurance; needed for physicians who call INSi by card."""


class Secretary(_Section, frozen=True, kw_only=True):
    """Someone of the structure who is no health professional and has a nominative account or card."""

    id: str
    """Name of the account, unique in the structure."""
    family: str
    given: str


class Mailbox(_Section, frozen=True, kw_only=True):
    """The applicative mailbox of a structure and its operator's submission server (mssante.md 1.2)."""

    address: str
    display_name: str
    reply_to: str
    """An address read by people (ECO.2.2.5)."""
    host: str
    port: int = 587
    tls_name: str | None = None
    """Name checked in the operator's certificate when it differs from `host`."""
    sasl_external: bool = False
    """SASL EXTERNAL after mutual TLS: not found in the sources, so a setting."""


class Structure(_Section, frozen=True, kw_only=True):
    """A legal structure with its own certificates, professionals, mailbox and queue."""

    id: str
    """Struct_IdNat, equal to the OU of its certificates."""
    name: str
    patient_root: str
    """OID of the local patient identifiers (IPP)."""
    source_id: str
    """OID of this installation (EX_GEN-1350: one root per installation)."""
    sector: str = "SA07"
    """Secteur_Activite, healthcare facility type and content type (SA05, SA07, SA08, SA09, SA52)."""
    practice_setting: str = "AMBULATOIRE"
    address: str | None = None
    telephone: str | None = None
    billing_id: str | None = None
    """identifiantFacturation of INSi by card, for an establishment: FINESS géographique, else SIRET; kept configurable (insi.md 2.2)."""
    professionals: tuple[Professional, ...]
    secretaries: tuple[Secretary, ...] = ()
    mailbox: Mailbox | None = None

    def professional(self, identifier: str) -> Professional | None:
        """The professional with this PS_IdNat, or None."""
        return next((one for one in self.professionals if one.id == identifier), None)

    def secretary(self, identifier: str) -> Secretary | None:
        """The secretary with this account, or None."""
        return next((one for one in self.secretaries if one.id == identifier), None)


class Configuration(_Section, frozen=True, kw_only=True):
    """A whole box."""

    environment: Literal["test", "production"] = "test"
    listener: Listener = Listener()
    limits: Limits = Limits()
    retry: Retry = Retry()
    dmp: Dmp
    mss: Mss = Mss()
    insi: Insi = Insi()
    identification: Identification = Identification()
    certificates: Certificates = Certificates()
    bus: Bus = Bus()
    scanners: tuple[ScannerDesk, ...] = ()
    devices: Devices = Devices()
    pairing: Pairing = Pairing()
    factory_reset: FactoryReset = FactoryReset()
    esignsante: Esignsante = Esignsante()
    box_key: BoxKey = BoxKey()
    backup: Backup = Backup()
    replacement: Replacement = Replacement()
    structures: tuple[Structure, ...]
    require_synchronised_clock: bool = True

    def structure(self, identifier: str) -> Structure | None:
        """The structure with this Struct_IdNat, or None."""
        return next((one for one in self.structures if one.id == identifier), None)


def _fault(message: str) -> str:
    """Where the file is at fault, in French; the library's own words stay in the technical part."""
    place = _PLACE.search(message)
    missing = _MISSING.search(message)
    unknown = _UNKNOWN.search(message)
    where = f" dans « {place.group(1)} »" if place and place.group(1) else ""
    if missing:
        return f"il manque « {missing.group(1)} »{where}"
    if unknown:
        return f"« {unknown.group(1)} » n'est pas un réglage connu{where}"
    return f"une valeur n'a pas la forme attendue{where}" if where else "sa syntaxe TOML est fausse"


def read_configuration(path: Path) -> Configuration:
    """Read and check relais.toml; raises ConfigurationInvalid naming the place at fault."""
    try:
        configuration = msgspec.toml.decode(path.read_bytes(), type=Configuration)
    except OSError as problem:
        raise ConfigurationInvalid(type(problem).__name__, reason="il manque ou ne peut pas être lu") from problem
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ConfigurationInvalid(str(problem), reason=_fault(str(problem))) from problem
    identifiers = [structure.id for structure in configuration.structures]
    if not identifiers or len(set(identifiers)) != len(identifiers):
        raise ConfigurationInvalid(reason="il faut au moins une structure, et chacune une seule fois")
    minutes_of(configuration.identification.night)
    numbers = [one.id for one in configuration.esignsante.signatures]
    if len(set(numbers)) != len(numbers) or any(one.structure not in identifiers for one in configuration.esignsante.signatures):
        raise ConfigurationInvalid(reason="« esignsante.signatures » : chaque numéro une seule fois, pour une structure de ce fichier")
    scanners = [one.id for one in configuration.scanners]
    if len(set(scanners)) != len(scanners):
        raise ConfigurationInvalid(reason="« scanners » : chaque lecteur de codes une seule fois")
    if not configuration.bus.tls and configuration.bus.host not in (None, *_LOOPBACK):
        raise ConfigurationInvalid(reason="« bus.tls » ne peut être « false » que pour un serveur MQTT installé sur le boîtier lui-même")
    if configuration.identification.verify_after_days < 0:
        raise ConfigurationInvalid(reason="« identification.verify_after_days » est un nombre de jours, ou 0 pour ne rien revérifier")
    return configuration
