"""The status responder: OCSP, CRLs and issuer certificates, without a framework."""
