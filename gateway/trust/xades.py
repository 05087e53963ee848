"""XAdES Baseline-B of a given file by the structure's certificate: enveloping (base64 in ds:Object), detached (by URI), or enveloped.

Two references: the content and the signed properties; exclusive canonical forms unless asked otherwise; the signing certificate's digest is
SHA-512 like esignsante's. No policy, no time-stamp: a date proven by nobody but the signer. Source: dossier cda_signing.md 4.2.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from lxml import etree

from gateway.kernel.errors import Refused
from gateway.trust.algorithms import XPATH, digest_of
from gateway.trust.dsig import complete, ds, key_info, reference, reference_to, signed_info, transform
from gateway.trust.packaging import Filling, Recipe, bearer, reference_around, reference_to_carried, written, written_around
from gateway.trust.properties import PROPERTIES_TYPES, baseline_properties
from gateway.trust.signer import DigestName, Signer

CERTIFICATE_DIGEST: DigestName = "sha512"
USUAL = Recipe()


class DetachedUriInvalid(Refused):
    """The name of a detached content cannot be empty nor point inside the signature itself."""

    code = "detached-uri-invalid"
    title = "Nom du contenu signé invalide"
    what = "Le nom donné au contenu à signer n'est pas utilisable : il est vide ou commence par « # »."
    gesture = "Donnez le nom du fichier signé (par exemple document.pdf), puis renvoyez la demande."


async def sign_enveloping(
    data: bytes, media_type: str, signer: Signer, now: datetime, roles: Sequence[str] = (), recipe: Recipe = USUAL
) -> bytes:
    """A signature document (UTF-8 XML) that carries `data` in base64; `roles` are claimed, not proven. Raises KeyUnavailable."""
    identity = str(uuid.uuid4())
    content = reference_to_carried(data, identity, recipe.digest)
    return written_around(await _sign(identity, content, media_type, signer, now, roles, recipe), data, identity)


async def sign_detached(
    data: bytes, uri: str, media_type: str, signer: Signer, now: datetime, roles: Sequence[str] = (), recipe: Recipe = USUAL
) -> bytes:
    """A signature document (UTF-8 XML) over the raw bytes of `data`, which travel apart under the name `uri` (file name or URN).

    Raises DetachedUriInvalid, KeyUnavailable.
    """
    if not uri or uri.startswith("#"):
        raise DetachedUriInvalid(field="uri")
    identity = str(uuid.uuid4())
    content = reference(uri, recipe.digest, digest_of(data, recipe.digest), identifier=f"r-{identity}")
    return written(await _sign(identity, content, media_type, signer, now, roles, recipe))


async def sign_enveloped(document: bytes, signer: Signer, now: datetime, roles: Sequence[str] = (), recipe: Recipe = USUAL) -> bytes:
    """The XML document with its signature as the last child of its root, by the XPath that esignsante writes.

    Raises EnvelopeRefused, XmlMalformed, KeyUnavailable.
    """
    return await sign_bearer(bearer(document), signer, now, roles, recipe)


async def sign_bearer(
    root: etree._Element,
    signer: Signer,
    now: datetime,
    roles: Sequence[str] = (),
    recipe: Recipe = USUAL,
    filling: Filling | None = None,
) -> bytes:
    """As `sign_enveloped`, for a document that was read or made already; `filling` is a large content in it. Raises KeyUnavailable."""
    identity = str(uuid.uuid4())
    without = transform(XPATH)
    without.append(ds("XPath", "not(ancestor-or-self::ds:Signature)"))
    content = reference_around(root, without, identity, recipe, filling)
    signature, qualifying = _frame(identity, signer, now, roles, "text/xml")
    root.append(signature)
    await _finish(identity, signature, qualifying, content, signer, recipe)
    return written(root, filling)


async def _sign(
    identity: str, content: etree._Element, media_type: str, signer: Signer, now: datetime, roles: Sequence[str], recipe: Recipe
) -> etree._Element:
    signature, qualifying = _frame(identity, signer, now, roles, media_type)
    await _finish(identity, signature, qualifying, content, signer, recipe)
    return signature


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
    identity: str, signature: etree._Element, qualifying: etree._Element, content: etree._Element, signer: Signer, recipe: Recipe
) -> None:
    kind, digest = PROPERTIES_TYPES["1.3.2"], recipe.digest
    properties = reference_to(qualifying[0], f"#xades-{identity}", digest, algorithm=recipe.form, kind=kind)
    info = signed_info([content, properties], digest, algorithm=recipe.form)
    await complete(signature, info, signer, digest, value_id=f"value-{identity}")
