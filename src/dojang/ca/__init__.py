"""The certification authority: intents, certificates, revocations, CRLs and answers signed ahead."""
