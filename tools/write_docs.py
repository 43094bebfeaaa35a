"""Writes `docs/journeys/`, the auditor's tables, from the journey definitions that run."""

from __future__ import annotations

from pathlib import Path

from dojang.products.tables import pages

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "journeys"


def main() -> None:
    """Write every page; remove those of journeys that are gone."""
    made = pages()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file in FOLDER.iterdir():
        if file.name not in made:
            file.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, "utf-8")
    print(f"docs/journeys: {len(made)} pages")


if __name__ == "__main__":
    main()
