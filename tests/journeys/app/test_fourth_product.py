"""A fourth product comes from one file, one profile and its sentences, and everything else just asks it."""

from __future__ import annotations

import html
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from tests.app.account.test_me_pages import Visitor
from tests.centres import SignerProcess
from tests.journeys.app.fourth import corporate
from tests.journeys.app.fourth.profile import PROFILE
from tests.journeys.app.walker import PIN, Walk

from dojang.account.models import Session
from dojang.ca.queries import active_certificate, certificates_of
from dojang.config.home import Home
from dojang.config.options import OptionsError, load_options
from dojang.notices.reading import letters_of
from dojang.pki.build import end_of_day
from dojang.pki.lint import lint_certificate
from dojang.pki.profiles import PROFILES, add_profile, remove_profile
from dojang.products import JOURNEYS, PRODUCTS
from dojang.products.messages import catalog, render
from dojang.products.offer import offer, offered, withdraw
from dojang.products.tables import table_of
from dojang.wallet.keys.models import WalletKey
from dojang.wallet.uses.models import Use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.ports.world import World
    from dojang.products import Product

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[3]
ENTRIES = """[dojang.products]
corporate = tests.journeys.app.fourth.corporate
[dojang.profiles]
corporate = tests.journeys.app.fourth.profile:PROFILE
"""


@pytest.fixture(scope="module")
def installed() -> Iterator[tuple[Path, ...]]:
    """Return what Python's path needs besides so that the product counts as an installed package."""
    place = Path(tempfile.mkdtemp(prefix="dojang-fourth-"))
    about = place / "fourth-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: fourth\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRIES)
    yield place, ROOT
    shutil.rmtree(place)


@pytest.fixture
def signer_process(authorities: Path, installed: tuple[Path, ...]) -> Iterator[SignerProcess]:
    """Put a signer that knows the new profile behind `world`."""
    place = Path(tempfile.mkdtemp(prefix="dojang-signer-"))
    shutil.copytree(authorities, place, ignore=shutil.ignore_patterns("*.sock", "lock"), dirs_exist_ok=True)
    signer = SignerProcess(Home(place), authorities=3, packages=installed)
    signer.start()
    yield signer
    signer.stop()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def product() -> Iterator[Product]:
    """Offer the fourth product in this process, as `installed` does in others."""
    add_profile(PROFILE)
    with offered(corporate) as made:
        yield made
    remove_profile(PROFILE.id)


def issue(world: World, journey: str = "corporate-web-issue", **more: str) -> Walk:
    """Walk a journey of the product to its end."""
    walk = Walk(world, journey=journey, **more)
    assert walk.finish().state == "done"
    return walk


def page(path: str, locale: str = "ko") -> str:
    """Open a page of the site that is there."""
    answer = Client(headers={"Accept-Language": locale}).get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return html.unescape(answer.content.decode())


def told(world: World, walk: Walk) -> list[str]:
    """Return the subjects of what the customer was told, in English."""
    return [letter.subject for letter in letters_of(walk.person.id, locale="en", world=world)]


def test_its_whole_journey_ends_with_its_own_certificate(world: World, product: Product) -> None:
    """Units, life, policy and key are its file's; the linters know its profile, and the notices its name."""
    walk = issue(world)
    held = active_certificate(walk.person.id, "corporate")
    assert held is not None
    assert "ou=corporate," in held.subject
    assert held.policy == f"{world.policy.bank.policy_arc}.1.4"
    assert held.not_after == end_of_day(held.not_before, product.life_days)
    assert lint_certificate(held.der, PROFILE) == ()
    assert WalletKey.objects.get(customer_id=walk.person.id).product == "corporate"
    assert "Your corporate certificate was issued" in told(world, walk)


@pytest.mark.usefixtures("product")
def test_it_is_issued_anew_and_leaves_the_others_alone(world: World) -> None:
    """Its re-issue takes the place of its own certificate; the customer's other certificate stays in use."""
    other = Walk(world)
    assert other.finish().state == "done"
    first = issue(world)
    again = issue(world, "corporate-web-reissue", pin="840271")
    states = sorted((view.product, view.state) for view in certificates_of(first.person.id))
    assert states == [("corporate", "active"), ("corporate", "revoked"), ("financial", "active")]
    assert again.page.result is not None
    assert again.page.result["replaced"]


def test_near_its_end_it_is_renewed_for_a_whole_life(world: World, product: Product) -> None:
    """Before its window a re-issue keeps the end; within, the new one has the whole life."""
    first = issue(world)
    clock: Any = world.clock
    end = certificates_of(first.person.id)[0].not_after
    clock.advance(86_400)
    issue(world, "corporate-web-reissue", pin="840271")
    assert certificates_of(first.person.id)[0].not_after == end
    clock.advance((product.life_days - 30) * 86_400)
    issue(world, "corporate-web-reissue", pin="591362")
    renewed = certificates_of(first.person.id)[0]
    assert renewed.not_after == end_of_day(renewed.not_before, product.life_days)


@pytest.mark.usefixtures("product")
def test_its_holder_logs_in_changes_the_pin_and_revokes(world: World) -> None:
    """On the pages everybody uses only its own PIN opens it; another is set, and with that it is ended."""
    other = Walk(world, pin="840271")
    assert other.finish().state == "done"
    mine = Visitor(issue(world))
    user, place = mine.walk.person.user_id, f"/me/certificates/{mine.serial}/"
    mine.connect()
    assert mine.post("/login/corporate/", user_id=user, pin="840271").status_code == 422
    world.clock.advance(1)  # type: ignore[attr-defined]  # a visitor waits for the answer
    assert mine.post("/login/corporate/", user_id=user, pin=PIN).status_code == 303
    assert Session.objects.get().method == "corporate"
    named = mine.html(place)
    assert render("product.corporate.name", "ko") in named
    assert render("me.one.change_pin", "ko") in named
    assert mine.post(f"{place}pin/", pin=PIN, new_pin="730591", again="730591").status_code == 303
    proof = {"reason": "keyCompromise", "sure": "yes", "by": "corporate"}
    assert mine.post(f"{place}revoke/", **proof, pin=PIN).status_code == 422
    assert mine.post(f"{place}revoke/", **proof, pin="730591").status_code == 303
    assert "Your corporate certificate was revoked" in told(world, mine.walk)
    states = {view.product: view.state for view in certificates_of(mine.walk.person.id)}
    assert states == {"corporate": "revoked", "financial": "active"}
    uses = Use.objects.filter(certificate__product="corporate", outcome="accepted").order_by("at")
    assert [use.purpose for use in uses] == ["login", "change_pin", "revoke"]


@pytest.mark.usefixtures("product", "world")
@pytest.mark.parametrize("locale", ["ko", "en"])
def test_menus_guides_and_pages_show_it(locale: str) -> None:
    """It stands in the centre, has its page and its guide, is found, and can be begun: in both languages."""
    name = render("product.corporate.name", locale)
    centre = page("/certs/", locale)
    assert name in centre
    assert 'href="/certs/corporate/"' in centre
    assert render("product.corporate.lead", locale) in page("/certs/corporate/", locale)
    assert name in page("/help/", locale)
    guide = page("/help/corporate-web-issue/", locale)
    assert render("guide.faq.corporate_who.q", locale) in guide
    assert render("step.pin.title", locale) in guide
    assert "corporate-web-issue" in page("/help/?q=" + name.split()[0], locale)
    assert render("journey.corporate-web-issue", locale) in page("/certs/corporate/issue/", locale)
    assert "/app/corporate/" not in page("/app/", locale)  # it has no journey there


@pytest.mark.usefixtures("product")
def test_the_finished_run_and_the_certificate_say_its_name(world: World) -> None:
    """The last page tells what to do next, and its holder's list names the product."""
    walk = issue(world)
    browser = Client()
    browser.cookies.load({"dojang_run": f"{walk.run}.{walk.started.token}"})
    last = browser.get(f"/runs/{walk.run}/").content.decode()
    assert render("product.corporate.next1", "ko") in last
    assert render("product.corporate.name", "ko") in browser.get("/me/certificates/").content.decode()


def test_the_bank_sets_its_figures(product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its life, window, hours and choices can be set; a life its profile does not allow is refused."""
    place = tmp_path / "dojang.toml"
    monkeypatch.setenv("DOJANG_CONFIG", str(place))
    place.write_text(
        "[policy.service_hours.products]\ncorporate-issue = '09:00-18:00'\n"
        "[policy.products.corporate]\nlife_days = 366\nrenew_window_days = 14\nasks_account = false\n"
    )
    policy = load_options().build_policy()
    assert (product.life_under(policy), product.window_under(policy)) == (366, 14)
    assert product.hours_under(policy, "issue") == ("09:00", "18:00")
    assert product.hours_under(policy, "reissue") is None
    asked = [step.id for step in JOURNEYS["corporate-web-issue"].steps if step.is_asked(product, policy)]
    assert "account" not in asked
    place.write_text("[policy.products.corporate]\nlife_days = 732\n")
    with pytest.raises(OptionsError) as refused:
        load_options()
    assert refused.value.data["name"] == "policy.products.corporate.life_days"


@pytest.mark.usefixtures("product")
def test_the_auditors_table_is_made_for_it() -> None:
    """Its table names the product, where the key lives, and each step, though nobody has printed a guide."""
    table = table_of("corporate-web-issue")
    assert "product `corporate`; the key lives at the signer" in table
    assert "when the bank sets `asks_account`" in table


def test_an_installed_package_is_found_by_every_process(installed: tuple[Path, ...]) -> None:
    """Named as an entry point, product and profile are there in a process that was told nothing."""
    told = "from dojang.products import PRODUCTS; from dojang.pki.profiles import PROFILES; "
    told += "print(*PRODUCTS, PROFILES['corporate'].policy)"
    done = subprocess.run(
        [sys.executable, "-c", told],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, installed))},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["financial", "joint", "bank", "corporate", "1.4"]


def test_nothing_of_it_is_left_once_it_is_withdrawn(product: Product) -> None:
    """Twice it cannot be offered; withdrawn, its journeys and sentences are gone, and so is its profile."""
    with pytest.raises(ValueError, match="two products of this name"):
        offer(corporate)
    withdraw(product.id)
    remove_profile(PROFILE.id)
    assert "corporate" not in PRODUCTS
    assert not [journey for journey in JOURNEYS if journey.startswith("corporate")]
    assert "product.corporate.name" not in catalog("ko")
    with pytest.raises(ValueError, match="no profile for customers"):
        offer(corporate)
    assert "corporate" not in PRODUCTS
    add_profile(PROFILE)
    offer(corporate)


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ({"id": "bank"}, "two products"), ({"profile": "ocsp"}, "no profile for customers"),
        ({"life_days": 732}, "1 to 731 days"), ({"life_days": 0}, "1 to 731 days"),
        ({"renew_window_days": 800}, "before it begins"), ({"unlock": "pattern"}, "a PIN opens"),
        ({"custody": "device"}, "a PIN opens"), ({"choices": {}}, "asks for asks_account"),
        ({"custody": "device", "unlock": "pattern", "key_algorithm": "dsa"}, "of the kind dsa"),
    ],
)  # fmt: skip
def test_an_impossible_product_is_not_offered(spoilt: dict[str, Any], why: str) -> None:
    """What its profile, its journeys or its own figures contradict is refused, with a sentence."""
    add_profile(PROFILE)
    made = replace(corporate.PRODUCT, **spoilt)
    journeys = tuple(replace(journey, product=made) for journey in corporate.JOURNEYS)
    try:
        with pytest.raises(ValueError, match=why):
            offer(SimpleNamespace(PRODUCT=made, JOURNEYS=journeys))
    finally:
        remove_profile(PROFILE.id)
    assert list(PRODUCTS) == ["financial", "joint", "bank"]


@pytest.mark.parametrize(
    "spoilt", [{"role": "issuing"}, {"policy": "1.2"}, {"policy": "any"}, {"policy": None}, {"id": "ocsp"}]
)
def test_an_added_profile_is_a_customers_own(spoilt: dict[str, str]) -> None:
    """No authority's profile can be added, none under another's policy or name, none without a policy."""
    before = dict(PROFILES)
    with pytest.raises(ValueError, match=r"only profiles|there is|its policy"):
        add_profile(replace(PROFILE, **spoilt))  # type: ignore[arg-type]
    assert dict(PROFILES) == before
