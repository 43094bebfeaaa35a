"""Every use of a certificate, and every try that was refused: written once, for whoever is asked for one."""
