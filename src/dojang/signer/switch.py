"""The switch that stops all signing of certificates and with customer keys; status answers go on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dojang.ports.signer_errors import SignerHaltedError
from dojang.signer.store import set_meta

if TYPE_CHECKING:
    from dojang.signer.store import Store, Tx
    from dojang.signer.timekeeping import TimeKeeper

_NAME = "halted"


class Switch:
    """Halted or not, in memory and in the store. Whatever cannot be written leaves it halted."""

    def __init__(self, store: Store, time: TimeKeeper) -> None:
        self._store = store
        self._time = time
        self._turning = threading.Lock()
        self._halted = store.meta(_NAME) == b"1"

    @property
    def halted(self) -> bool:
        """Whether signing is stopped."""
        return self._halted

    def check(self) -> None:
        """Raise `SignerHaltedError` while signing is stopped."""
        if self._halted:
            raise SignerHaltedError("signing is stopped")

    def halt(self, reason: str) -> None:
        """Stop signing: at once in memory, then durably. Transactions that have not begun are refused."""
        self._halted = True

        def keep(tx: Tx) -> None:
            set_meta(tx, _NAME, b"1")
            tx.record("halt", reason=reason)

        with self._turning:
            self._halted = True  # again: a `resume` may just have finished
            self._store.commit(keep)

    def resume(self, reason: str) -> None:
        """Allow signing once that is durable, and take the present time as right."""
        self._time.acknowledge()

        def keep(tx: Tx) -> None:
            set_meta(tx, _NAME, b"0")
            tx.record("resume", reason=reason)

        with self._turning:
            self._store.commit(keep)
            self._halted = False
