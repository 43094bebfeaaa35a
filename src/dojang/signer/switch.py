"""The switch that stops all signing of certificates and with customer keys; status answers go on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dojang.ports.signer_errors import SignerHaltedError
from dojang.signer.store import set_meta

if TYPE_CHECKING:
    from pathlib import Path

    from dojang.signer.store import SignerStore, Tx
    from dojang.signer.timekeeping import TimeKeeper

_NAME = "halted"
_MAX_REASON = 500  #: characters


class Switch:
    """Halted or not, in memory and in the store. Whatever cannot be written leaves it halted.

    An operator who cannot reach this process leaves an order as a file instead (`halt_order`): from that
    moment nothing is signed, and it is entered in the journal at the first occasion.
    """

    def __init__(self, store: SignerStore, time: TimeKeeper, order: Path) -> None:
        self._store = store
        self._time = time
        self._order = order
        self._turning = threading.Lock()
        self._halted = store.meta(_NAME) == b"1"
        self._obey()

    @property
    def halted(self) -> bool:
        """Whether signing is stopped."""
        self._obey()
        return self._halted

    def check(self) -> None:
        """Raise `SignerHaltedError` while signing is stopped. Writes nothing: transactions ask it, too."""
        if self._order.exists():
            self._halted = True
        if self._halted:
            raise SignerHaltedError("signing is stopped")

    def _obey(self) -> None:
        try:
            reason = self._order.read_text("utf-8", "replace")[:_MAX_REASON]
        except FileNotFoundError:
            return
        except OSError:
            reason = "an order that cannot be read"
        self.halt(reason)

    def halt(self, reason: str) -> None:
        """Stop signing: at once in memory, then durably. Transactions that have not begun are refused."""
        self._halted = True

        def keep(tx: Tx) -> None:
            set_meta(tx, _NAME, b"1")
            tx.record("halt", reason=reason)

        with self._turning:
            self._halted = True  # again: a `resume` may just have finished
            self._store.commit(keep)
            self._order.unlink(missing_ok=True)

    def resume(self, reason: str) -> None:
        """Allow signing once that is durable, and take the present time as right."""
        self._obey()
        self._time.acknowledge()

        def keep(tx: Tx) -> None:
            set_meta(tx, _NAME, b"0")
            tx.record("resume", reason=reason)

        with self._turning:
            self._store.commit(keep)
            self._halted = False
