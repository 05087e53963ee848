"""A structure with its client, a sealed lot, and the answers of a scripted DMP."""

from __future__ import annotations

from datetime import datetime

from gateway.cda.build import build_n1
from gateway.dmp.client import DmpClient
from gateway.dmp.lot import SealedLot, seal_lot
from gateway.kernel.clock import FrozenClock
from gateway.model.document import ClinicalHeader
from gateway.model.visibility import Visibility
from gateway.wire.http import HttpResponse
from gateway.wire.http_scripted import Answer, ScriptedPort
from gateway.wire.secret import Secret
from tests.shared import need
from tests.trust.judges import signer
from tests.trust.pki import NOW
from tests.xds.documents import CABINET, DOCTOR, SETTINGS, header

SECRET = "HOMOLOGATION-CONFIDENTIELLE-42"
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)) * 100 + b"\n%%EOF\n"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
STATUS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:"
RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"


def ordonnance(**changes: object) -> tuple[ClinicalHeader, bytes]:
    """A header and the CDA built from it."""
    clinical = header(templates=(), **changes)  # type: ignore[arg-type]
    return clinical, build_n1(clinical, PDF, "application/pdf")


async def sealed(
    *, visibility: Visibility | None = None, replaces_entry: str | None = None, now: datetime = NOW, **changes: object
) -> tuple[SealedLot, bytes]:
    """A lot and its CDA."""
    clinical, cda = ordonnance(**changes)
    lot = await seal_lot(
        clinical,
        cda,
        structure=CABINET,
        author=DOCTOR,
        visibility=visibility or Visibility(),
        settings=SETTINGS,
        signer=signer(),
        now=now,
        replaces_entry=replaces_entry,
    )
    return lot, cda


def client(*answers: Answer) -> tuple[DmpClient, ScriptedPort, FrozenClock]:
    """The client of the structure, its port and its clock."""
    port, clock = ScriptedPort(answers), FrozenClock(NOW)
    return DmpClient(port, SETTINGS, CABINET, signer(), clock, Secret(SECRET)), port, clock


def ok(body: str, status: int = 200) -> HttpResponse:
    """A SOAP answer around `body`."""
    envelope = f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body>{body}</s:Body></s:Envelope>'
    return HttpResponse(status=status, headers={"content-type": "application/soap+xml"}, body=envelope.encode())


def registry(status: str = "Success", *codes: str, context: str = "") -> HttpResponse:
    """A RegistryResponse with these error codes."""
    errors = "".join(f'<r:RegistryError errorCode="{code}" codeContext="{context}"/>' for code in codes)
    listed = f"<r:RegistryErrorList>{errors}</r:RegistryErrorList>" if codes else ""
    return ok(f'<r:RegistryResponse xmlns:r="{RS}" status="{STATUS}{status}">{listed}</r:RegistryResponse>')


def fault(reason: str, *, subcode: str = "", code: str = "Sender", status: int = 500) -> HttpResponse:
    """A SOAP 1.2 fault."""
    sub = f"<s:Subcode><s:Value>dmp:{subcode}</s:Value></s:Subcode>" if subcode else ""
    return ok(
        f'<s:Fault><s:Code><s:Value>s:{code}</s:Value>{sub}</s:Code><s:Reason><s:Text xml:lang="fr">{reason}</s:Text></s:Reason></s:Fault>',
        status,
    )


def references(*identifiers: str) -> HttpResponse:
    """An answer to a stored query."""
    rim, query = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0", "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
    listed = "".join(f'<m:ObjectRef id="{one}"/>' for one in identifiers)
    return ok(
        f'<q:AdhocQueryResponse xmlns:q="{query}" xmlns:m="{rim}" status="{STATUS}Success">'
        f"<m:RegistryObjectList>{listed}</m:RegistryObjectList></q:AdhocQueryResponse>"
    )


def existence(response_code: str = "OK", status: str | None = "active", matricule: str = "279035121518989") -> HttpResponse:
    """An answer to TD0.2."""
    patient = (
        f'<subject><registrationEvent><subject1><patient><id root="1.2.250.1.213.1.4.10" extension="{matricule}"/>'
        f'<statusCode code="{status}"/></patient></subject1></registrationEvent></subject>'
    )
    return ok(
        '<PRPA_IN201308UV02 xmlns="urn:hl7-org:v3"><controlActProcess>'
        + (patient if status else "")
        + f'<queryAck><queryResponseCode code="{response_code}"/></queryAck></controlActProcess></PRPA_IN201308UV02>'
    )


def official(name: str) -> HttpResponse:
    """An official sample as an answer."""
    body = need("data", "dmp", "messages", name).read_bytes()
    return HttpResponse(status=200, headers={"content-type": "application/soap+xml"}, body=body)
