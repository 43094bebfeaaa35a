"""What rooms above hear of this one, inside the transaction it happens in.

Who listens writes rows of their own and nothing else: no outside call, no long work. An exception takes the
whole step back.
"""

from __future__ import annotations

from typing import Final

from django.dispatch import Signal

#: A step was answered and judged: `view` (`RunView` before), `data` (checked), `outcome`, `acting`, `world`.
step_answered: Final = Signal()
