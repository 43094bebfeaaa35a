"""QR codes as SVG inside the page: no picture to load, no foreign service that learns what is in them."""

from __future__ import annotations

import io

import segno


def qr_svg(text: str, label: str) -> str:
    """Return a QR code (ISO/IEC 18004, level M) as an SVG element spoken as `label`."""
    out = io.BytesIO()
    segno.make_qr(text, error="m").save(
        out,
        kind="svg",
        xmldecl=False,
        svgns=True,
        border=3,
        svgclass="qr",
        lineclass="qr__line",
        omitsize=True,
        dark="#000",
        light="#fff",
        title=label,
    )
    return out.getvalue().decode().replace("<svg ", '<svg role="img" ', 1)
