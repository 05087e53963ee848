"""Bare XML signatures (XMLDSig-core-1) of a given file by the structure's certificate: enveloping or enveloped.

One reference, to the content, and the certificate: no date, nothing that designates the certificate, so a report says less than on XAdES.
esignsante's own differ (seen in its public source): always RSA-SHA1, which Relais neither writes nor accepts; the enveloping reference goes
through the canonical form of ds:Object instead of base64. Any verifier reads both. Source: dossier cda_signing.md 4.2.
"""

from __future__ import annotations

import uuid

from lxml import etree

from gateway.trust.algorithms import ENVELOPED
from gateway.trust.dsig import complete, ds, key_info, signed_info, transform
from gateway.trust.packaging import Recipe, bearer, reference_around, reference_to_carried, written, written_around
from gateway.trust.signer import Signer


async def sign_bare_enveloping(data: bytes, signer: Signer, recipe: Recipe) -> bytes:
    """A signature document (UTF-8 XML) that carries `data` in base64. Raises KeyUnavailable."""
    identity = str(uuid.uuid4())
    signature = _frame(identity, signer)
    await _finish(identity, signature, reference_to_carried(data, identity, recipe.digest), signer, recipe)
    return written_around(signature, data, identity)


async def sign_bare_enveloped(document: bytes, signer: Signer, recipe: Recipe) -> bytes:
    """The XML document with its signature as the last child of its root. Raises EnvelopeRefused, XmlMalformed, KeyUnavailable."""
    identity = str(uuid.uuid4())
    root = bearer(document)
    content = reference_around(root, transform(ENVELOPED), identity, recipe)
    signature = _frame(identity, signer)
    root.append(signature)
    await _finish(identity, signature, content, signer, recipe)
    return written(root)


def _frame(identity: str, signer: Signer) -> etree._Element:
    return ds("Signature", key_info([signer.certificate]), Id=f"id-{identity}")


async def _finish(identity: str, signature: etree._Element, content: etree._Element, signer: Signer, recipe: Recipe) -> None:
    info = signed_info([content], recipe.digest, algorithm=recipe.form)
    await complete(signature, info, signer, recipe.digest, value_id=f"value-{identity}")
