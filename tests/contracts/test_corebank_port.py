"""What every core bank behind `dojang.ports.corebank` must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dojang.ports.corebank import Match
from dojang.ports.errors import CustomerUnknownError, PhoneTakenError, PhoneUnknownError
from dojang.sandbox import otp
from dojang.sandbox.cast import BY_HANDLE, carrier_of, gender_of

if TYPE_CHECKING:
    from dojang.ports.corebank import CoreBank
    from dojang.sandbox.cast import Person
    from dojang.sandbox.world import SandboxWorldParts

HONG, HAN, LEE, KIM = (BY_HANDLE[handle] for handle in ("hong", "han", "lee", "kim"))
WRONG = Match(ok=False, reason="wrong")
NEW_NUMBER = "01000007777"


def test_finds_a_customer_by_user_id_and_identification_number(corebank: CoreBank) -> None:
    """The right pair gives the customer id, whatever separators were typed."""
    assert corebank.find_customer(user_id=HONG.user_id, rrn=HONG.rrn) == Match(ok=True, owner=HONG.id)
    typed = f"{HONG.rrn[:6]}-{HONG.rrn[6:]}"
    assert corebank.find_customer(user_id=f" {HONG.user_id.upper()} ", rrn=typed).ok


def test_a_pair_of_two_people_names_the_number_s_owner(corebank: CoreBank) -> None:
    """A's user id with B's number is a mismatch that names B; A is found by the user id alone."""
    match = corebank.find_customer(user_id=HONG.user_id, rrn=HAN.rrn)
    assert match == Match(ok=False, reason="rrn_mismatch", owner=HAN.id)
    assert corebank.customer_of_user_id(HONG.user_id) == HONG.id


def test_strangers_are_all_told_the_same(corebank: CoreBank) -> None:
    """Unknown id, unknown number and both unknown give the one reason ``wrong``."""
    assert corebank.find_customer(user_id=HONG.user_id, rrn="0000000000000") == WRONG
    assert corebank.find_customer(user_id="nobody99", rrn="0000000000000") == WRONG
    assert corebank.find_customer(user_id="nobody99", rrn=HONG.rrn).reason == "wrong"
    assert corebank.find_customer(user_id="", rrn="") == WRONG
    assert corebank.customer_of_user_id("nobody99") is None


def test_a_customers_user_id_leads_back_to_the_customer(corebank: CoreBank) -> None:
    """What is entered for somebody who looked their user id up; nobody's is refused."""
    assert corebank.user_id_of(HONG.id) == HONG.user_id
    with pytest.raises(CustomerUnknownError):
        corebank.user_id_of("nobody")


def test_finds_a_user_id_by_name_birth_account_and_password(corebank: CoreBank) -> None:
    """All four right name the customer; any one wrong is ``wrong``."""
    account = HONG.accounts[0]
    right = {
        "name": "홍 길동",
        "birth": HONG.birth,
        "account": f"{account.number[:3]}-{account.number[3:6]}-{account.number[6:]}",
        "account_password": account.password,
    }
    assert corebank.find_user_id(**right) == Match(ok=True, owner=HONG.id)  # type: ignore[arg-type]
    others = {"name": "한서연", "birth": date(1988, 3, 16), "account_password": "0000"}
    for field, value in others.items():
        match = corebank.find_user_id(**{**right, field: value})  # type: ignore[arg-type]
        assert match == Match(ok=False, reason="wrong", owner=HONG.id), field
    unknown = corebank.find_user_id(**{**right, "account": "999"})  # type: ignore[arg-type]
    assert unknown == WRONG


def test_tells_what_it_knows_of_a_customer(corebank: CoreBank) -> None:
    """Facts come without the user id in full; the identification number only on its own question."""
    customer = corebank.customer(HONG.id)
    assert (customer.id, customer.name, customer.birth) == (HONG.id, "홍길동", date(1988, 3, 15))
    assert (customer.kind, customer.ebanking, customer.locked) == ("person", True, False)
    assert customer.email == "hong@example.test"
    assert HONG.user_id not in repr(customer)
    assert HONG.rrn not in repr(customer)
    assert corebank.idn(HONG.id) == HONG.rrn


def test_an_unknown_customer_is_an_error_of_ours(corebank: CoreBank) -> None:
    """Questions about a customer id the bank never gave out raise `CustomerUnknownError`."""
    with pytest.raises(CustomerUnknownError):
        corebank.customer("0")
    with pytest.raises(CustomerUnknownError):
        corebank.idn("0")
    assert corebank.phones("0") == ()
    assert corebank.factors("0").names == ()


def test_lists_numbers_newest_first_and_masked(corebank: CoreBank, country: SandboxWorldParts) -> None:
    """Each number carries an id for forms, a mask for screens and when it was registered."""
    phones = corebank.phones(HONG.id)
    assert [phone.number for phone in phones] == ["01000000101", "01000000102"]
    assert [phone.masked for phone in phones] == ["010-****-0101", "010-****-0102"]
    assert phones[0].registered_at > phones[1].registered_at
    assert len({phone.id for phone in phones}) == 2
    assert all(phone.number not in phone.id for phone in phones)
    fresh = corebank.phones(KIM.id)
    assert [phone.number for phone in fresh] == ["01000000401"]
    assert country.clock.now() - fresh[0].registered_at < timedelta(days=2)


def test_knows_whose_number_it_is(corebank: CoreBank) -> None:
    """A registered number has an owner; a number given up or never registered has none."""
    assert corebank.owner_of_phone("010-0000-0101") == HONG.id
    assert corebank.owner_of_phone("01000000402") is None
    assert corebank.owner_of_phone("01099999999") is None


def test_knows_whose_id_it_is(corebank: CoreBank) -> None:
    """Ids of telephones and accounts lead to their customer; a number is no id, and nobody's is nobody's."""
    assert corebank.owner_of_id(corebank.phones(HAN.id)[0].id) == HAN.id
    assert corebank.owner_of_id(corebank.accounts(HAN.id)[0].id) == HAN.id
    assert corebank.owner_of_id("01000000201") is None
    assert corebank.owner_of_id("0000000000000000") is None


def test_changes_a_number_once_for_a_key(corebank: CoreBank) -> None:
    """The old number is released, the new one is the newest; the same key again changes nothing."""
    phone = corebank.change_phone(HAN.id, old="01000000201", new=NEW_NUMBER, key="change-1")
    assert phone.number == NEW_NUMBER
    assert corebank.change_phone(HAN.id, old="01000000201", new=NEW_NUMBER, key="change-1") == phone
    assert corebank.phones(HAN.id) == (phone,)
    assert corebank.owner_of_phone("01000000201") is None
    assert corebank.owner_of_phone(NEW_NUMBER) == HAN.id


def test_refuses_to_change_what_is_not_the_customer_s(corebank: CoreBank) -> None:
    """Somebody else's number is neither taken nor given away, and nothing has changed."""
    before = corebank.phones(HAN.id), corebank.phones(HONG.id)
    with pytest.raises(PhoneTakenError):
        corebank.change_phone(HAN.id, old="01000000201", new="01000000101", key="change-2")
    with pytest.raises(PhoneUnknownError):
        corebank.change_phone(HAN.id, old="01000000101", new=NEW_NUMBER, key="change-3")
    assert (corebank.phones(HAN.id), corebank.phones(HONG.id)) == before
    assert corebank.owner_of_phone(NEW_NUMBER) is None


def test_checks_account_and_password_of_the_same_person(corebank: CoreBank) -> None:
    """The person's own withdrawal account with its password is right; with another password ``wrong``."""
    account = HONG.accounts[0]
    right = corebank.check_account(HONG.id, account=account.number, account_password=account.password)
    assert right == Match(ok=True, owner=HONG.id)
    wrong = corebank.check_account(HONG.id, account=account.number, account_password="0000")
    assert wrong == Match(ok=False, reason="wrong", owner=HONG.id)
    assert corebank.check_account(HONG.id, account="123", account_password="0000") == WRONG


def test_a_savings_account_identifies_nobody(corebank: CoreBank) -> None:
    """Only withdrawal accounts count, even with the right password."""
    savings = HONG.accounts[1]
    assert savings.kind == "savings"
    match = corebank.check_account(HONG.id, account=savings.number, account_password=savings.password)
    assert match == Match(ok=False, reason="wrong", owner=HONG.id)


@pytest.mark.parametrize("password", [HAN.accounts[0].password, "0000"])
def test_somebody_else_s_account_names_its_owner(corebank: CoreBank, password: str) -> None:
    """B's account offered for A is ``not_owned`` and names B, whatever the password."""
    match = corebank.check_account(HONG.id, account=HAN.accounts[0].number, account_password=password)
    assert match == Match(ok=False, reason="not_owned", owner=HAN.id)


@pytest.mark.parametrize(
    ("handle", "names"),
    [("hong", ("security_card",)), ("lee", ("otp",)), ("baek", ("security_card", "otp"))],
)
def test_lists_the_factors_held(corebank: CoreBank, handle: str, names: tuple[str, ...]) -> None:
    """Factors are named as kinds of step; the card's size comes along."""
    factors = corebank.factors(BY_HANDLE[handle].id)
    assert (factors.names, factors.card_cells, factors.card_digits) == (names, 35, 4)


def test_checks_a_security_card(corebank: CoreBank) -> None:
    """Serial's last four, first half of one cell and second half of another must all be right."""
    assert HONG.card is not None
    tail, cells = HONG.card.serial[-4:], HONG.card.cells
    first, second = (1, cells[0][:2]), (35, cells[34][2:])
    match = corebank.check_card(HONG.id, serial_tail=tail, first=first, second=second)
    assert match == Match(ok=True, owner=HONG.id)
    swapped = (1, cells[0][2:]), (35, cells[34][:2])
    for wrong in (
        {"serial_tail": "0000", "first": first, "second": second},
        {"serial_tail": tail, "first": swapped[0], "second": second},
        {"serial_tail": tail, "first": first, "second": swapped[1]},
        {"serial_tail": tail, "first": (0, ""), "second": second},
        {"serial_tail": tail, "first": first, "second": (36, "")},
        {"serial_tail": "", "first": first, "second": second},
    ):
        assert corebank.check_card(HONG.id, **wrong) == WRONG  # type: ignore[arg-type]


def test_another_person_s_card_names_its_holder_when_all_of_it_is_right(corebank: CoreBank) -> None:
    """Serial and both codes of somebody else's card say whose it is; four digits of a serial do not."""
    assert HAN.card is not None
    tail, first, second = HAN.card.serial[-4:], (1, HAN.card.cells[0][:2]), (2, HAN.card.cells[1][2:])
    match = corebank.check_card(HONG.id, serial_tail=tail, first=first, second=second)
    assert match == Match(ok=False, reason="not_owned", owner=HAN.id)
    wrong = f"{(int(second[1]) + 1) % 100:02d}"
    assert corebank.check_card(HONG.id, serial_tail=tail, first=first, second=(2, wrong)) == WRONG


def test_a_lost_card_is_left_out_and_says_so(corebank: CoreBank, country: SandboxWorldParts) -> None:
    """A lost card is no factor any more and its right codes are answered ``lost``."""
    assert HONG.card is not None
    country.drawers.set_state("hong", "card", "lost")
    assert corebank.factors(HONG.id).names == ()
    cells = HONG.card.cells
    match = corebank.check_card(
        HONG.id, serial_tail=HONG.card.serial[-4:], first=(1, cells[0][:2]), second=(2, cells[1][2:])
    )
    assert match == Match(ok=False, reason="lost")


def test_a_medium_not_held_says_so(corebank: CoreBank) -> None:
    """A card is asked of who has only a token, a token of who has only a card: ``not_held``."""
    card = corebank.check_card(LEE.id, serial_tail="0000", first=(1, "00"), second=(2, "00"))
    token = corebank.check_otp(HONG.id, code="000000", key="otp-0")
    assert [card.reason, token.reason] == ["not_held", "not_held"]
    assert not card.ok
    assert not token.ok


def test_accepts_a_one_time_password_once(corebank: CoreBank, country: SandboxWorldParts) -> None:
    """The value on the display is right once; again under another key it is ``reused``."""
    code = _code(country)
    assert corebank.check_otp(LEE.id, code=code, key="otp-1") == Match(ok=True, owner=LEE.id)
    assert corebank.check_otp(LEE.id, code=code, key="otp-1") == Match(ok=True, owner=LEE.id)
    assert corebank.check_otp(LEE.id, code=code, key="otp-2") == Match(ok=False, reason="reused")


def test_a_token_may_drift_by_one_step(corebank: CoreBank, country: SandboxWorldParts) -> None:
    """Values of the step before and after are accepted, those two steps away are ``wrong``."""
    offsets = {"early": 2, "late": -2}
    for key, offset in offsets.items():
        assert corebank.check_otp(LEE.id, code=_code(country, offset), key=key) == WRONG
    # One step back and one forward, in this order: an older step than one used is spent.
    assert corebank.check_otp(LEE.id, code=_code(country, -1), key="back").ok
    assert corebank.check_otp(LEE.id, code=_code(country, 1), key="ahead").ok
    assert corebank.check_otp(LEE.id, code=_code(country), key="spent").reason == "reused"


def test_an_expired_token_is_left_out(corebank: CoreBank, country: SandboxWorldParts) -> None:
    """An expired token is no factor and its value is answered ``expired`` without being used up."""
    code = _code(country)
    country.drawers.set_state("lee", "token", "expired")
    assert corebank.factors(LEE.id).names == ()
    assert corebank.check_otp(LEE.id, code=code, key="otp-3") == Match(ok=False, reason="expired")
    country.drawers.set_state("lee", "token", "usable")
    assert corebank.check_otp(LEE.id, code=code, key="otp-4").ok


def test_one_value_offered_many_times_at_once_is_accepted_once(
    corebank: CoreBank, country: SandboxWorldParts
) -> None:
    """Twenty simultaneous offers under different keys: one right, nineteen ``reused``."""
    code = _code(country)
    with ThreadPoolExecutor(8) as threads:
        matches = list(
            threads.map(lambda key: corebank.check_otp(LEE.id, code=code, key=f"many-{key}"), range(20))
        )
    assert sum(match.ok for match in matches) == 1
    assert [match.reason for match in matches].count("reused") == 19


def test_compares_name_telephone_and_birth_with_the_record(corebank: CoreBank) -> None:
    """All three must be the customer's; all of another's name them; a number names nobody."""
    right = {"name": "홍길동", "phone": "010-0000-0102", "birth": HONG.birth}
    assert corebank.check_person(HONG.id, **right) == Match(ok=True, owner=HONG.id)  # type: ignore[arg-type]
    for field, value in {"name": "홍길순", "birth": HAN.birth, "phone": "01099999999"}.items():
        assert corebank.check_person(HONG.id, **{**right, field: value}) == WRONG, field  # type: ignore[arg-type]
    assert corebank.check_person(HONG.id, **{**right, "phone": "01000000201"}) == WRONG  # type: ignore[arg-type]
    other = corebank.check_person(HONG.id, name=HAN.name, phone="01000000201", birth=HAN.birth)
    assert other == Match(ok=False, reason="not_owned", owner=HAN.id)


@pytest.mark.parametrize("name", ["SMITH ALEX", "Alex Smith", "alex  smith"])
def test_a_foreigner_s_name_may_come_in_either_order(corebank: CoreBank, name: str) -> None:
    """A registered foreigner is found by the name in either order and case, by their own number."""
    smith = BY_HANDLE["smith"]
    assert corebank.check_person(smith.id, name=name, phone="01000000701", birth=smith.birth).ok
    assert corebank.customer(smith.id).kind == "foreigner"
    assert smith.rrn[6] in "5678"


def test_stores_a_contact_address_once_for_a_key(corebank: CoreBank) -> None:
    """The address is the newest given; a late repetition of an older key does not bring the old one back."""
    corebank.update_contact(HONG.id, email="first@example.test", key="contact-1")
    corebank.update_contact(HONG.id, email="second@example.test", key="contact-2")
    corebank.update_contact(HONG.id, email="first@example.test", key="contact-1")
    assert corebank.customer(HONG.id).email == "second@example.test"
    assert corebank.customer(HAN.id).email == "han@example.test"


def _code(country: SandboxWorldParts, offset: int = 0) -> str:
    """Return what lee's token shows now, or so many steps away."""
    assert LEE.token is not None
    return otp.code_at(LEE.token.secret, otp.step_of(country.clock.now()) + offset)


def line_of(person: Person) -> dict[str, Any]:
    """Return what a person types about their telephone line."""
    number = person.lines[0].number
    return {
        "name": person.name,
        "birth": person.birth,
        "gender": gender_of(person.rrn),
        "carrier": carrier_of(number),
        "phone": number,
    }


def test_a_line_is_its_holder_s_own_or_nobody_s(corebank: CoreBank) -> None:
    """All five details right name the customer; any one wrong is not own; an unknown number is wrong."""
    right = line_of(HONG)
    assert corebank.check_line(**right) == Match(ok=True, owner=HONG.id)
    carrier = next(name for name in ("garam", "narae") if name != right["carrier"])
    others = {"name": "한서연", "birth": date(1988, 3, 16), "gender": "female", "carrier": carrier}
    for field, value in others.items():
        match = corebank.check_line(**{**right, field: value})
        assert match == Match(ok=False, reason="not_owned", owner=HONG.id), field
    assert corebank.check_line(**{**right, "phone": "01000009999"}) == WRONG


def test_an_identity_card_names_its_owner(corebank: CoreBank, country: SandboxWorldParts) -> None:
    """Type, number and day of issue must all be right; a lost card proves nothing."""
    assert [paper.type for paper in HONG.papers] == ["resident", "driver"]
    for paper in HONG.papers:
        right = {"card_type": paper.type, "card_number": paper.number, "issued": paper.issued}
        assert corebank.check_id_card(**right) == Match(ok=True, owner=HONG.id)  # type: ignore[arg-type]
        late = {**right, "issued": paper.issued + timedelta(days=1)}
        assert corebank.check_id_card(**late) == WRONG  # type: ignore[arg-type]
    other = {"card_type": "driver", "card_number": HONG.rrn, "issued": HONG.papers[0].issued}
    assert corebank.check_id_card(**other) == WRONG  # type: ignore[arg-type]
    country.drawers.set_state("hong", "paper", "lost")
    assert corebank.check_id_card(**right) == Match(ok=False, reason="lost")  # type: ignore[arg-type]


def test_accounts_go_by_id_and_mask(corebank: CoreBank) -> None:
    """Only withdrawal accounts are listed; a number is looked up without its password."""
    (listed,) = corebank.accounts(HONG.id)
    assert listed.masked == f"***{HONG.accounts[0].number[-4:]}"
    assert HONG.accounts[0].number not in repr(listed)
    found = corebank.find_account(HONG.id, account=HONG.accounts[0].number)
    assert (found.ok, found.account) == (True, listed)
    assert corebank.find_account(HONG.id, account=HONG.accounts[1].number).ok is False
    theirs = corebank.find_account(HONG.id, account=HAN.accounts[0].number)
    assert (theirs.ok, theirs.reason, theirs.owner, theirs.account) == (False, "not_owned", HAN.id, None)
    assert corebank.find_account(HONG.id, account="999").reason == "wrong"


def test_an_account_s_password_is_checked_by_its_id(corebank: CoreBank) -> None:
    """The right one passes; a wrong one, another's account and an unknown id are all ``wrong``."""
    own, theirs = corebank.accounts(HONG.id)[0], corebank.accounts(HAN.id)[0]
    right = HONG.accounts[0].password

    def check(account_id: str, password: str) -> Match:
        return corebank.check_account_password(HONG.id, account_id=account_id, account_password=password)

    assert check(own.id, right) == Match(ok=True, owner=HONG.id)
    assert check(own.id, "0000") == WRONG
    assert check(theirs.id, HAN.accounts[0].password) == WRONG
    assert check("", right) == WRONG


def test_one_won_goes_to_one_s_own_account_only_and_once(
    corebank: CoreBank, country: SandboxWorldParts
) -> None:
    """A deposit with the memo, once a key; another's account and an unknown one get nothing."""
    own, theirs = HONG.others[0], HAN.others[0]
    assert {bank.code for bank in corebank.other_banks()} >= {own.bank, theirs.bank}

    def send(bank: str, account: str, key: str) -> Match:
        return corebank.send_one_won(HONG.id, bank=bank, account=account, memo="도장1234", key=key)

    assert [send(own.bank, own.number, "k").ok for _ in range(2)] == [True, True]
    assert send(theirs.bank, theirs.number, "l") == Match(ok=False, reason="not_owned", owner=HAN.id)
    assert send(own.bank, "901999999999", "m") == WRONG
    (book,) = country.drawers.open("hong").others
    assert [(line.memo, line.amount) for line in book.deposits] == [("도장1234", 1)]
    assert country.drawers.open("han").others[0].deposits == ()


def test_an_address_is_kept_when_given_and_left_alone_otherwise(corebank: CoreBank) -> None:
    """Without an address only the e-mail changes."""
    before = corebank.customer(HONG.id).address
    corebank.update_contact(HONG.id, email="new@example.test", key="a")
    assert (corebank.customer(HONG.id).email, corebank.customer(HONG.id).address) == (
        "new@example.test",
        before,
    )
    corebank.update_contact(HONG.id, email="new@example.test", address="새길 4", key="b")
    assert corebank.customer(HONG.id).address == "새길 4"
