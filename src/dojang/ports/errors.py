"""What a port may raise when the outside does not answer as expected.

Every adapter turns its own failures into these, so that callers handle one family and nothing of a
driver's text (which could hold what a customer typed) leaves the adapter.
"""

from __future__ import annotations

from dojang.pki.errors import DojangError


class PortError(DojangError):
    """Something outside could not be reached or refused to work; trying again later may help."""

    code = "outside_unavailable"


class CoreBankError(PortError):
    """The core bank could not be asked."""

    code = "corebank_unavailable"


class CustomerUnknownError(CoreBankError):
    """A customer id the core bank does not have (a fault of ours, never of the customer)."""

    code = "customer_unknown"


class PhoneUnknownError(CoreBankError):
    """The number to be replaced is not registered for this customer."""

    code = "phone_unknown"


class PhoneTakenError(CoreBankError):
    """The new number is registered for somebody else."""

    code = "phone_taken"


class TelephonyError(PortError):
    """The telephone network could not be asked."""

    code = "telephony_unavailable"


class CallUnknownError(TelephonyError):
    """A call id the network does not have."""

    code = "call_unknown"


class SmsError(PortError):
    """The message centre could not be asked."""

    code = "sms_unavailable"


class MailError(PortError):
    """The mail system could not be asked."""

    code = "mail_unavailable"


class PushError(PortError):
    """The push service could not be asked."""

    code = "push_unavailable"


class PushGoneError(PushError):
    """The browser has ended this subscription."""

    code = "push_gone"


class PushRefusedError(PushError):
    """The push service takes this message neither now nor later."""

    code = "push_refused"


class SubscriptionRefusedError(PortError):
    """Not a push subscription, or not one of a push service that may be called."""

    code = "subscription_refused"
