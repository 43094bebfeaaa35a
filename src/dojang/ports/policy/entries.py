"""Wrong entries: how many of each kind, and over what they are counted."""

from __future__ import annotations

from dataclasses import dataclass

from dojang.ports.limits import DAY, Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongEntryPolicy:
    """`[policy.wrong_entries]`: a bank sets the numbers; what each is counted over is the product's.

    What somebody can use up for another person without proof is counted per day, so that it heals by itself.
    All others are counted until a right answer or an unlock.
    """

    identify: Limit = Limit(5, DAY)  #: user id with RRN, of one user id
    find_id: Limit = Limit(5, DAY)  #: name, birth and account, of one person looked for
    account: Limit = Limit(5)  #: account and password, of one customer
    account_password: Limit = Limit(5, DAY)  #: passwords of one account, whoever tries
    person: Limit = Limit(5)  #: name, telephone number and birth, of one customer
    security_card: Limit = Limit(5)
    otp: Limit = Limit(10)
    id_card: Limit = Limit(5, DAY)  #: of one card number
    one_won: Limit = Limit(5)
    sms_reply: Limit = Limit(3)
    mail_code: Limit = Limit(5)
    phone_code: Limit = Limit(5)  #: the code texted to a new number
    phone_check: Limit = Limit(5)  #: lines and codes, of one customer
    phone_check_number: Limit = Limit(5, DAY)  #: the same of one number, before a customer is known
    pin: Limit = Limit(5)  #: of one wallet key, at the centre and at the signer
    login: Limit = Limit(5, DAY)  #: user ids with a PIN at the log-in, of one user id
    pattern: Limit = Limit(5)  #: of one device key
    biometric: Limit = Limit(5)  #: answers by finger or face; then the pattern alone opens
    certificate_password: Limit = Limit(5)  #: of one certificate, as its device tells
    stop: Limit = Limit(5, DAY)  #: emergency stops, from one network source: each doubles its own wait
    handoff: Limit = Limit(10, DAY)  #: numbers of another screen, from one network source
    per_source: Limit = Limit(200, DAY)  #: of every kind, from one network source
    #: Of every kind, of everybody together: far above honest mistakes
    everybody: Limit = Limit(200_000, DAY)
