"""An enveloped XAdES signature in the forms that others may write: by identifier, by the transform of W3C; ours is in `trust.xades`."""

from __future__ import annotations

from lxml import etree

from gateway.trust import dsig
from gateway.trust.algorithms import ENVELOPED, XPATH, digest_of
from gateway.trust.properties import baseline_properties
from gateway.trust.signer import Signer
from gateway.xml import c14n
from tests.trust.pki import NOW

TYPE = "http://uri.etsi.org/01903#SignedProperties"


async def sign_enveloped(document: str, signer: Signer, *, uri: str = "", xpath: bool = True) -> bytes:
    """`document` with its signature as the last child of the root; `uri` is empty or `#<ID of the root>`."""
    root = etree.fromstring(document)
    form = c14n.EXCLUSIVE
    digested = digest_of(dsig.canonical(root, form), "sha256")
    step = dsig.transform(XPATH if xpath else ENVELOPED)
    if xpath:
        step.append(dsig.ds("XPath", "not(ancestor-or-self::ds:Signature)"))
    content = dsig.reference(uri, "sha256", digested, transforms=[step, dsig.transform(form)], identifier="r-1")
    qualifying = baseline_properties(
        "id-1", "xades-1", now=NOW, certificate=signer.certificate, digest="sha512", reference_id="r-1", media_type="text/xml"
    )
    signature = dsig.ds("Signature", dsig.key_info([signer.certificate]), dsig.ds("Object", qualifying), Id="id-1")
    root.append(signature)
    properties = dsig.reference_to(qualifying[0], "#xades-1", "sha256", algorithm=form, kind=TYPE)
    await dsig.complete(signature, dsig.signed_info([content, properties], "sha256"), signer, "sha256")
    return etree.tostring(root)
