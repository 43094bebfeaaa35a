"""A handful of line icons, drawn for this site on a grid of 24."""

from __future__ import annotations

_PATHS = {
    "phone": (
        "M7 2.5h10a1.5 1.5 0 0 1 1.5 1.5v16a1.5 1.5 0 0 1-1.5 1.5H7A1"
        ".5 1.5 0 0 1 5.5 20V4A1.5 1.5 0 0 1 7 2.5zM10.5 18.5h3"
    ),
    "account": "M3 9.5 12 4l9 5.5M5 10v8M10 10v8M14 10v8M19 10v8M3 20.5h18",
    "card": "M3 5.5h18v13H3zM3 9.5h18M6.5 14.5h5",
    "id": ("M3 5h18v14H3zM8.5 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM5.5 16c.5-2 5.5-2 6 0M14.5 9.5h4M14.5 13h4"),
    "mail": "M3 5.5h18v13H3zM3 6.5l9 7 9-7",
    "clock": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5.5l3.5 2",
    "shield": "M12 2.5 4 5.5v6c0 5 3.5 8.5 8 10 4.5-1.5 8-5 8-10v-6zM8.5 12l2.5 2.5 4.5-5",
    "warn": "M12 3 2 20.5h20zM12 9.5v5M12 17.300v.4",
    "info": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5.5M12 7.5v.3",
    "check": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM7.5 12.5l3 3 6-6.5",
    "lock": "M5 10.5h14v10H5zM8 10.5V7a4 4 0 0 1 8 0v3.5M12 14.5v2",
    "stop": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 8.5l7 7M15.5 8.5l-7 7",
    "pin": "M5 12h.01M12 12h.01M19 12h.01M3 6.5h18v11H3z",
    "back": "M15 5l-7 7 7 7",
    "menu": "M4 6.5h16M4 12h16M4 17.500h16",
    "home": "M4 10.5 12 4l8 6.5V20h-5.500v-5.500h-5V20H4z",
    "stamp": "M9 3.500h6l-1 7 4.500 2.500v3.500h-13V13L10 10.500zM5 20.500h14",
    "go": "M9 5l7 7-7 7",
    "offline": (
        "M3 3l18 18M8.500 16a5 5 0 0 1 7 0M5 12.500a10 10 0 0 1 4-2.400M15.500 10.300a10 10 0 0 1 3.500 2.200"
        "M12 19.500h.01M1.500 9a15 15 0 0 1 4-2.700M10.500 5a15 15 0 0 1 12 4"
    ),
    "bell": "M6 16.500V11a6 6 0 0 1 12 0v5.500l1.500 2h-15zM10 21h4",
    "qr": "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM18 14h2M14 18h2v2",
    "paper": "M6 3h9l4 4v14H6zM15 3v4h4M9 12h7M9 16h4",
    "house": "M3 9.500 12 4l9 5.500zM5 10v8M10 10v8M14 10v8M19 10v8M3 20.500h18",
    "dots": (
        "M7 2.5h10a1.5 1.5 0 0 1 1.5 1.5v16a1.5 1.5 0 0 1-1.5 1.5H7A1.5 1.5 0 0 1 5.5 20V4"
        "A1.5 1.5 0 0 1 7 2.5zM9 8h.01M12 8h.01M15 8h.01M9 11.5h.01M12 11.5h.01M15 11.5h.01M10.5 18.5h3"
    ),
    "touch": (
        "M6 7.500A7.500 7.500 0 0 1 19.500 12v2M4.500 15v-3c0-.7.100-1.300.300-2M12 12v3c0 2-.300 4-1 6"
        "M8.500 19.500c.400-1.500.500-3 .500-4.500v-3a3 3 0 0 1 6 0v3c0 2-.200 3.800-.700 5.500"
        "M18 18.500c.200-.8.300-1.300.400-2"
    ),
    "key": "M14.5 9.5a4.5 4.5 0 1 0-3 4.200L13.5 16H16v2.5h2.5V21H21v-3l-7-7",
}


def icon_svg(name: str) -> str:
    """Return a decorative icon as SVG; `KeyError` on an unknown name."""
    return (
        '<svg class="icon" viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" '
        'stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" '
        'aria-hidden="true" focusable="false">'
        f'<path d="{_PATHS[name]}"/></svg>'
    )
