"""XML signatures at their lowest level: references, SignedInfo, canonical forms, the signature value.

Writes only; `references` and `verify` read. Every node stands at its final place before it is digested, because inclusive canonical
forms depend on the ancestors. Sources: dossiers cda_signing.md 4.1, 4.2, 5 and dmp.md sections 2 and 4; W3C xmldsig-core.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from lxml import etree

from gateway.kernel.errors import ConfigurationFault
from gateway.trust.algorithms import CANONICAL_FORMS, DIGEST_URIS, DS, ENVELOPED, SIGNATURE_URIS, digest_of
from gateway.trust.signer import DigestName, Signer
from gateway.xml import c14n
from gateway.xml.build import Vocabulary, element

ds = Vocabulary(DS, "ds")
_SAML = "urn:oasis:names:tc:SAML:2.0:assertion"


class NotAnAssertion(ConfigurationFault):
    """What should be signed is not a SAML 2.0 assertion with an ID and an Issuer first: a fault of the caller."""

    code = "not-an-assertion"
    what = "Le jeton d'identification à signer n'est pas complet : rien n'a été envoyé."
    gesture = "Contactez votre installateur en lui donnant le code de cette erreur."


def base64_text(data: bytes) -> str:
    """Base64 on one line: re-wrapping it would break a digest."""
    return base64.b64encode(data).decode("ascii")


def canonical(node: etree._Element, algorithm: str, prefixes: Sequence[str] = ()) -> bytes:
    """The canonical form of an element where it stands, by the URI of one of the four accepted algorithms."""
    form = CANONICAL_FORMS[algorithm]
    if form.exclusive:
        return c14n.exclusive(node, prefixes, with_comments=form.with_comments)
    return c14n.inclusive(node, with_comments=form.with_comments)


def transform(algorithm: str, prefixes: Sequence[str] = ()) -> etree._Element:
    """A ds:Transform; with `prefixes`, the InclusiveNamespaces of an exclusive form."""
    return ds("Transform", _inclusive_namespaces(prefixes), Algorithm=algorithm)


def reference(
    uri: str,
    digest: DigestName,
    value: bytes,
    *,
    transforms: Sequence[etree._Element] = (),
    kind: str | None = None,
    identifier: str | None = None,
) -> etree._Element:
    """A ds:Reference to `uri` with the raw digest `value`."""
    return ds(
        "Reference",
        ds("Transforms", transforms) if transforms else None,
        ds("DigestMethod", Algorithm=DIGEST_URIS[digest]),
        ds("DigestValue", base64_text(value)),
        Id=identifier,
        Type=kind,
        URI=uri,
    )


def reference_to(
    node: etree._Element,
    uri: str,
    digest: DigestName,
    *,
    algorithm: str = c14n.INCLUSIVE,
    named: bool = True,
    kind: str | None = None,
) -> etree._Element:
    """A reference to an element of the same document by its canonical form; `named=False` says no Transforms (the default form)."""
    value = digest_of(canonical(node, algorithm), digest)
    return reference(uri, digest, value, transforms=[transform(algorithm)] if named else (), kind=kind)


def signed_info(
    references: Sequence[etree._Element], digest: DigestName, *, algorithm: str = c14n.EXCLUSIVE, prefixes: Sequence[str] = ()
) -> etree._Element:
    """A ds:SignedInfo for RSA with that digest."""
    return ds(
        "SignedInfo",
        ds("CanonicalizationMethod", _inclusive_namespaces(prefixes), Algorithm=algorithm),
        ds("SignatureMethod", Algorithm=SIGNATURE_URIS[digest]),
        references,
    )


def key_info(certificates: Sequence[bytes]) -> etree._Element:
    """A ds:KeyInfo with these certificates (DER), the signer's first."""
    return ds("KeyInfo", ds("X509Data", [ds("X509Certificate", base64_text(der)) for der in certificates]))


async def complete(
    signature: etree._Element, info: etree._Element, signer: Signer, digest: DigestName, *, value_id: str | None = None
) -> None:
    """Put SignedInfo first, then the signature value over its canonical form; the rest of ds:Signature is already in place."""
    signature.insert(0, info)
    method = info[0]
    prefixes = "".join(str(list_.get("PrefixList")) for list_ in method).split()
    value = await signer.sign(canonical(info, str(method.get("Algorithm")), prefixes), digest)
    signature.insert(1, ds("SignatureValue", base64_text(value), Id=value_id))


async def sign_assertion(
    assertion: etree._Element, signer: Signer, *, digest: DigestName = "sha256", prefixes: Sequence[str] = ()
) -> etree._Element:
    """Sign a SAML 2.0 assertion in place: ds:Signature right after Issuer, and the same assertion returned (dmp.md section 2, item 3).

    Enveloped-signature and exclusive canonical form over `#ID`, leaf certificate alone in KeyInfo. `prefixes` is the InclusiveNamespaces
    list of the two canonical forms (the kit writes `ds saml #default xsi`); with `#default`, whoever embeds the assertion must not change
    the default namespace around it. Raises NotAnAssertion, KeyUnavailable.
    """
    identifier = assertion.get("ID")
    if assertion.tag != f"{{{_SAML}}}Assertion" or not identifier or len(assertion) == 0 or assertion[0].tag != f"{{{_SAML}}}Issuer":
        raise NotAnAssertion("an assertion with an ID and its Issuer first")
    if assertion.find(f"{{{DS}}}Signature") is not None:
        raise NotAnAssertion("already signed")
    signature = ds("Signature", key_info([signer.certificate]))
    value = digest_of(canonical(assertion, c14n.EXCLUSIVE, prefixes), digest)
    assertion.insert(1, signature)
    whole = reference(f"#{identifier}", digest, value, transforms=[transform(ENVELOPED), transform(c14n.EXCLUSIVE, prefixes)])
    await complete(signature, signed_info([whole], digest, prefixes=prefixes), signer, digest)
    return assertion


def _inclusive_namespaces(prefixes: Sequence[str]) -> etree._Element | None:
    if not prefixes:
        return None
    return element(f"{{{c14n.EXCLUSIVE}}}InclusiveNamespaces", attributes={"PrefixList": " ".join(prefixes)}, nsmap={"ec": c14n.EXCLUSIVE})
