"""XAdES Baseline-B of a given file by the structure's certificate: enveloping (base64 in ds:Object), detached (by URI), or enveloped.

Never enveloped in a CDA: a ds:Signature inside a ClinicalDocument breaks its schema (cda_signing.md 0.2). Two references: the content and
the signed properties; exclusive canonical forms; the signing certificate's digest is SHA-512 like esignsante's. No policy, no time-stamp:
a date proven by nobody but the signer. Source: dossier cda_signing.md 4.2.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from lxml import etree

from gateway.kernel.errors import Refused
from gateway.trust.algorithms import BASE64, DS, XPATH, digest_of
from gateway.trust.dsig import base64_text, complete, ds, key_info, reference, reference_to, signed_info, transform
from gateway.trust.properties import PROPERTIES_TYPES, baseline_properties
from gateway.trust.signer import DigestName, Signer
from gateway.xml import c14n
from gateway.xml.parse import parse_large

CERTIFICATE_DIGEST: DigestName = "sha512"


class DetachedUriInvalid(Refused):
    """The name of a detached content cannot be empty nor point inside the signature itself."""

    code = "detached-uri-invalid"
    title = "Nom du contenu signé invalide"
    what = "Le nom donné au contenu à signer n'est pas utilisable : il est vide ou commence par « # »."
    gesture = "Donnez le nom du fichier signé (par exemple document.pdf), puis renvoyez la demande."


class EnvelopeRefused(Refused):
    """The XML document cannot carry its own signature: it is a CDA or holds one, or it carries a signature already."""

    code = "envelope-refused"
    title = "Signature enveloppée impossible"
    what = "Ce document XML ne peut pas porter sa propre signature : c'est un CDA, dont le schéma l'interdit, ou il en porte déjà une."
    gesture = "Demandez une signature enveloppante, qui contient le document sans le modifier."


async def sign_enveloping(
    data: bytes, media_type: str, signer: Signer, now: datetime, roles: Sequence[str] = (), *, digest: DigestName = "sha256"
) -> bytes:
    """A signature document (UTF-8 XML) that carries `data` in base64; `roles` are claimed, not proven. Raises KeyUnavailable."""
    identity = str(uuid.uuid4())
    object_id = f"o-{identity}"
    carried = ds("Object", base64_text(data), Id=object_id)
    content = reference(
        f"#{object_id}",
        digest,
        digest_of(data, digest),
        transforms=[transform(BASE64)],
        kind=f"{DS}Object",
        identifier=f"r-{identity}",
    )
    return await _sign(identity, content, carried, media_type, signer, now, roles, digest)


async def sign_detached(
    data: bytes, uri: str, media_type: str, signer: Signer, now: datetime, roles: Sequence[str] = (), *, digest: DigestName = "sha256"
) -> bytes:
    """A signature document (UTF-8 XML) over the raw bytes of `data`, which travel apart under the name `uri` (file name or URN).

    Raises DetachedUriInvalid, KeyUnavailable.
    """
    if not uri or uri.startswith("#"):
        raise DetachedUriInvalid(field="uri")
    identity = str(uuid.uuid4())
    content = reference(uri, digest, digest_of(data, digest), identifier=f"r-{identity}")
    return await _sign(identity, content, None, media_type, signer, now, roles, digest)


async def sign_enveloped(
    document: bytes, signer: Signer, now: datetime, roles: Sequence[str] = (), *, digest: DigestName = "sha256"
) -> bytes:
    """The XML document with its signature as the last child of its root, by the XPath that esignsante writes.

    Raises EnvelopeRefused, XmlMalformed, KeyUnavailable.
    """
    root = parse_large(document, max_bytes=len(document))
    if next(root.iter("{urn:hl7-org:v3}ClinicalDocument", f"{{{DS}}}Signature"), None) is not None:
        raise EnvelopeRefused(field="file")
    identity = str(uuid.uuid4())
    without = transform(XPATH)
    without.append(ds("XPath", "not(ancestor-or-self::ds:Signature)"))
    whole = digest_of(c14n.exclusive(root.getroottree()), digest)
    content = reference("", digest, whole, transforms=[without, transform(c14n.EXCLUSIVE)], identifier=f"r-{identity}")
    signature, qualifying = _frame(identity, signer, now, roles, "text/xml")
    root.append(signature)
    await _finish(identity, signature, qualifying, content, signer, digest)
    return etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True)


async def _sign(
    identity: str,
    content: etree._Element,
    carried: etree._Element | None,
    media_type: str,
    signer: Signer,
    now: datetime,
    roles: Sequence[str],
    digest: DigestName,
) -> bytes:
    signature, qualifying = _frame(identity, signer, now, roles, media_type)
    await _finish(identity, signature, qualifying, content, signer, digest)
    # Last, so that megabytes of base64 are not canonicalised on the way; the content's reference does not depend on its place.
    if carried is not None:
        signature.append(carried)
    return etree.tostring(signature, encoding="UTF-8", xml_declaration=True)


def _frame(identity: str, signer: Signer, now: datetime, roles: Sequence[str], media_type: str) -> tuple[etree._Element, etree._Element]:
    """A ds:Signature without SignedInfo, and the qualifying properties in it."""
    signature_id = f"id-{identity}"
    qualifying = baseline_properties(
        signature_id,
        f"xades-{identity}",
        now=now,
        certificate=signer.certificate,
        digest=CERTIFICATE_DIGEST,
        reference_id=f"r-{identity}",
        media_type=media_type,
        roles=roles,
    )
    return ds("Signature", key_info([signer.certificate]), ds("Object", qualifying), Id=signature_id), qualifying


async def _finish(
    identity: str, signature: etree._Element, qualifying: etree._Element, content: etree._Element, signer: Signer, digest: DigestName
) -> None:
    kind = PROPERTIES_TYPES["1.3.2"]
    properties = reference_to(qualifying[0], f"#xades-{identity}", digest, algorithm=c14n.EXCLUSIVE, kind=kind)
    await complete(signature, signed_info([content, properties], digest), signer, digest, value_id=f"value-{identity}")
