"""The simulated country: a core bank with its cast, telephones, mail, and a clock one can move.

It stands behind the same ports as the real outside, and is mounted only when the sandbox is on.
"""
