"""The Korean formats (NPKI, KCAC technical specifications)."""
