"""pkilint, run in process: an independent opinion on what is issued (RFC 5280, RFC 6960).

Its modules are imported when first needed: they take most of a second, which the signer and the status
responder need not wait. They carry no types, hence `Any`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Final

from dojang.pki.errors import MalformedError
from dojang.pki.rules import LintFinding

MAX_DOCUMENT: Final = 1024 * 1024  #: octets; pkilint takes about a millisecond for each entry of a list


def pkilint_certificate(data: bytes) -> tuple[LintFinding, ...]:
    """Run pkilint's PKIX certificate linter."""
    return _run(*_certificate_linter(), data)


def pkilint_crl(data: bytes) -> tuple[LintFinding, ...]:
    """Run pkilint's PKIX CRL linter; for specimens and short lists, `MalformedError` above 1 MiB."""
    return _run(*_crl_linter(), data)


def pkilint_ocsp(data: bytes) -> tuple[LintFinding, ...]:
    """Run pkilint's OCSP response linter."""
    return _run(*_ocsp_linter(), data)


def _run(loader: Any, validator: Any, data: bytes) -> tuple[LintFinding, ...]:
    if len(data) > MAX_DOCUMENT:
        raise MalformedError("too large", limit=MAX_DOCUMENT)
    try:
        results = validator.validate(loader.load_der_document(data).root)
    except ValueError:
        return (LintFinding("fatal", "pkilint.undecodable", "document"),)
    return tuple(
        LintFinding(
            described.finding.severity.name.lower(),
            described.finding.code,
            result.node.path,
            described.message or "",
        )
        for result in results
        for described in result.finding_descriptions
    )


def _modules(*names: str) -> tuple[Any, ...]:
    return tuple(import_module(f"pkilint.{name}") for name in names)


@cache
def _certificate_linter() -> tuple[Any, Any]:
    loader, certificate, extension, name = _modules(
        "loader", "pkix.certificate", "pkix.extension", "pkix.name"
    )
    validator = certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )
    return loader.RFC5280CertificateDocumentLoader(), validator


def _decoders() -> list[Any]:
    pkix, extension, name = _modules("pkix", "pkix.extension", "pkix.name")
    return [
        pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
        pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
    ]


@cache
def _crl_linter() -> tuple[Any, Any]:
    loader, crl = _modules("loader", "pkix.crl")
    validator = crl.create_pkix_crl_validator_container(
        _decoders(),
        [
            crl.create_issuer_validator_container([]),
            crl.create_validity_validator_container([]),
            crl.create_extensions_validator_container([]),
        ],
    )
    return loader.RFC5280CertificateListDocumentLoader(), validator


@cache
def _ocsp_linter() -> tuple[Any, Any]:
    loader, ocsp = _modules("loader", "pkix.ocsp")
    validator = ocsp.create_pkix_ocsp_response_validator_container(
        [ocsp.create_response_decoder(), *_decoders()], []
    )
    return loader.RFC6960OCSPResponseDocumentLoader(), validator
