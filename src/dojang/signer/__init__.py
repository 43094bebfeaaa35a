"""The signing process: the only one that holds keys. Started with ``python -m dojang.signer --home DIR``.

`__main__` reads the arguments, `server` answers the socket, `verbs` knows what may be asked, `authority`
and `customers` do it, `store` keeps it (SQLite with an append-only, hash-chained journal), `vault` encrypts,
`timekeeping` distrusts the clock. Its clients are `dojang.adapters.signer_client.SocketSigner`.
"""
