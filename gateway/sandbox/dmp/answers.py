"""Writes what the simulated DMP sends back: RegistryResponse, query responses, SOAP faults.

Every body is valid against the official schemas (tests say so). It never echoes a value received but the MessageID.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from gateway.sandbox.dmp.refusals import RegistryRefusal, SoapRefusal
from gateway.sandbox.dmp.soap import ADDRESSING, SOAP12
from gateway.sandbox.exchange import Answer

RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
STATUS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:"
PARTIAL = "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess"
RULES = "urn:relais:bac-a-sable:regles"

_ANONYMOUS = f"{ADDRESSING}/anonymous"
_SEVERITY = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error"
_CONTENT_TYPE = "application/soap+xml; charset=UTF-8"


def answer(body: str, action: str, relates_to: str, status: int = 200) -> Answer:
    """A SOAP 1.2 answer holding `body`, related to the request's MessageID."""
    relation = f"<RelatesTo xmlns={quoteattr(ADDRESSING)}>{escape(relates_to)}</RelatesTo>" if relates_to else ""
    envelope = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{SOAP12}"><soap:Header>'
        f'<Action xmlns="{ADDRESSING}">{escape(action)}</Action>'
        f'<MessageID xmlns="{ADDRESSING}">urn:uuid:{uuid.uuid4()}</MessageID>'
        f'<To xmlns="{ADDRESSING}">{_ANONYMOUS}</To>{relation}</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>'
    )
    return Answer(status, _CONTENT_TYPE, envelope.encode())


def registry_success() -> str:
    """A RegistryResponse without error."""
    return f'<rs:RegistryResponse xmlns:rs="{RS}" status="{STATUS}Success"/>'


def registry_failure(refusal: RegistryRefusal) -> str:
    """A RegistryResponse with its errors; codeContext starts with the rule id."""
    status = PARTIAL if refusal.partial else f"{STATUS}Failure"
    return f'<rs:RegistryResponse xmlns:rs="{RS}" status="{status}">{error_list(refusal)}</rs:RegistryResponse>'


def error_list(refusal: RegistryRefusal) -> str:
    """The RegistryErrorList of a refusal, in the prefix `rs`."""
    errors = "".join(
        f"<rs:RegistryError errorCode={quoteattr(problem.code)} codeContext={quoteattr(f'{problem.rule} : {problem.text}')}"
        f' severity="{_SEVERITY}" location={quoteattr(problem.location)}/>'
        for problem in refusal.problems
    )
    return f'<rs:RegistryErrorList highestSeverity="{_SEVERITY}">{errors}</rs:RegistryErrorList>'


def query_result(entry_uuids: Iterable[str]) -> str:
    """An AdhocQueryResponse of ObjectRef."""
    references = [f"<rim:ObjectRef id={quoteattr(one)}/>" for one in entry_uuids]
    return (
        f'<query:AdhocQueryResponse xmlns:query="{QUERY}" xmlns:rim="{RIM}" status="{STATUS}Success" startIndex="0"'
        f' totalResultCount="{len(references)}"><rim:RegistryObjectList>{"".join(references)}</rim:RegistryObjectList>'
        "</query:AdhocQueryResponse>"
    )


def query_failure(refusal: RegistryRefusal) -> str:
    """An AdhocQueryResponse with errors and no object."""
    return (
        f'<query:AdhocQueryResponse xmlns:query="{QUERY}" xmlns:rim="{RIM}" xmlns:rs="{RS}" status="{STATUS}Failure">'
        f"{error_list(refusal)}<rim:RegistryObjectList/></query:AdhocQueryResponse>"
    )


def fault(refusal: SoapRefusal, relates_to: str) -> Answer:
    """A SOAP 1.2 fault over HTTP 500; the rule ids are in its Detail."""
    code = "Receiver" if refusal.receiver else "Sender"
    subcode = f"<soap:Subcode><soap:Value>{escape(refusal.subcode)}</soap:Value></soap:Subcode>" if refusal.subcode else ""
    rules = "".join(f'<Regle xmlns="{RULES}">{escape(rule)}</Regle>' for rule in refusal.rules)
    body = (
        f"<soap:Fault><soap:Code><soap:Value>soap:{code}</soap:Value>{subcode}</soap:Code>"
        f'<soap:Reason><soap:Text xml:lang="fr">{escape(refusal.text)}</soap:Text></soap:Reason>'
        f"<soap:Detail>{rules}</soap:Detail></soap:Fault>"
    )
    return answer(body, f"{ADDRESSING}/soap/fault", relates_to, status=500)
