"""The auditor's tables: each journey as Markdown, row by row as in the bank's printed guide.

Everything comes from the definitions that run and the shipped presets, except the guide's own words
(`PRINTED`) and what the kinds of steps ask (`KINDS`), which the tests hold against the pages themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from dojang.journeys.model import always
from dojang.ports.limits import Limit
from dojang.ports.policy import Policy
from dojang.ports.policy.reading import figure_at
from dojang.products.messages import render
from dojang.products.offer import JOURNEYS
from dojang.products.presets import AS_PRINTED, PRESETS, policy_of
from dojang.products.printed import PRINTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dojang.journeys.model import Journey, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFacts:
    """What an auditor wants to know of a kind of step.

    `asks` are the names of form fields; `of` who answers; `limits` dotted names of the policy's figures that
    bound it. Raises `PolicyError` for a figure no policy has.
    """

    asks: tuple[str, ...] = ()
    of: str = "–"
    limits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Look every figure up: a misspelt one is found when this is imported, not by who reads the table."""
        for path in self.limits:
            figure_at(Policy(), path)


PRESET_NOTE = (
    "`as-printed` is what runs when nothing is set: the banks' guides as they are printed. `kisa` is what "
    'law and practice prefer. A bank names one in `dojang.toml` (`preset = "kisa"`); what it sets in '
    "`[policy.<concern>]` wins over the preset."
)
_ACCOUNT = ("wrong_entries.account", "wrong_entries.account_password")
_CALLS = ("ars.ttl", "ars.calls_per_run", "ars.calls_per_day")
KINDS: Mapping[str, KindFacts] = MappingProxyType(
    {
        "account": KindFacts(asks=("account", "account_password"), of="core bank", limits=_ACCOUNT),
        "account_number": KindFacts(asks=("account",), of="core bank", limits=("wrong_entries.account",)),
        "account_password": KindFacts(
            asks=("account_id", "account_password"), of="core bank", limits=("wrong_entries.account",)
        ),
        "ars_call": KindFacts(asks=("phone",), of="telephone network", limits=_CALLS),
        "bank_certificate": KindFacts(
            asks=("mac", "signature"),
            of="registered telephone",
            limits=(
                "wrong_entries.pattern",
                "wrong_entries.biometric",
                "devices.challenge_ttl",
                "approvals.ttl",
            ),
        ),
        "certificate_password": KindFacts(
            asks=("serial", "signature"),
            of="certificate on the device",
            limits=("wrong_entries.certificate_password",),
        ),
        "confirm": KindFacts(),
        "contact": KindFacts(asks=("email", "phone"), of="core bank"),
        "details": KindFacts(asks=("email", "address", "phone"), of="core bank"),
        "device": KindFacts(
            asks=("device_id", "app_version"), of="wallet", limits=("devices.min_app_version",)
        ),
        "device_key": KindFacts(
            asks=("csr", "sealed_r", "password_ok"), of="device, signer", limits=("runs.keys",)
        ),
        "factor_choice": KindFacts(asks=("factor",), of="core bank"),
        "find_id": KindFacts(
            asks=("name", "birth", "account", "account_password"),
            of="core bank",
            limits=("wrong_entries.find_id", "wrong_entries.account_password"),
        ),
        "id_card": KindFacts(
            asks=("card_type", "card_number", "issued"),
            of="state register",
            limits=("wrong_entries.id_card",),
        ),
        "identify": KindFacts(asks=("user_id", "rrn"), of="core bank", limits=("wrong_entries.identify",)),
        "identity_way": KindFacts(asks=("way",)),
        "mail_code": KindFacts(
            asks=("code",), of="mail", limits=("mail_code.ttl", "wrong_entries.mail_code")
        ),
        "new_phone": KindFacts(
            asks=("old_phone", "new_phone"), of="core bank", limits=("phones.new_per_day",)
        ),
        "one_won": KindFacts(
            asks=("bank", "account", "code"),
            of="core bank, other bank",
            limits=("one_won.ttl", "wrong_entries.one_won", "one_won.per_day"),
        ),
        "otp": KindFacts(asks=("code",), of="core bank", limits=("wrong_entries.otp",)),
        "pattern": KindFacts(asks=("proof_key", "points"), of="device", limits=("pattern.min_points",)),
        "person": KindFacts(
            asks=("name", "phone", "birth"), of="core bank", limits=("wrong_entries.person",)
        ),
        "phone_check": KindFacts(
            asks=("name", "birth", "gender", "carrier", "phone", "code"),
            of="carriers, text message",
            limits=(
                "phone_check.ttl",
                "wrong_entries.phone_check",
                "wrong_entries.phone_check_number",
                "phone_check.texts_per_day",
            ),
        ),
        "phone_code": KindFacts(
            asks=("code",), of="text message", limits=("phone_code.ttl", "wrong_entries.phone_code")
        ),
        "reissue_reason": KindFacts(asks=("reason",), limits=("reissue.per_day",)),
        "reissue_request": KindFacts(asks=("reason",)),
        "request": KindFacts(asks=("way",)),
        "secret": KindFacts(asks=("pin", "pin_again"), of="signer", limits=("runs.keys",)),
        "security_card": KindFacts(
            asks=("serial_tail", "code_first", "code_second"),
            of="core bank",
            limits=("wrong_entries.security_card",),
        ),
        "sms_reply": KindFacts(
            of="text message", limits=("sms_reply.ttl", "wrong_entries.sms_reply", "sms_reply.digits")
        ),
        "terms": KindFacts(asks=("agree",)),
    }
)


def table_of(journey_id: str) -> str:
    """Return the whole page of a journey, Markdown; `KeyError` for an unknown one."""
    journey = JOURNEYS[journey_id]
    lines = [
        f"# {render(f'journey.{journey.id}', 'en')} ({render(f'journey.{journey.id}', 'ko')})",
        "",
        "Made from the journey's definition; the tests make it again and compare.",
        "",
        f"- journey `{journey.id}`, version {journey.version}, channel `{journey.channel}`",
        f"- product `{journey.product.id}`; the key lives {_custody(journey)}",
        f"- about {journey.minutes} minutes; at hand: "
        + "; ".join(render(need, "en") for need in journey.needs),
        f"- besides every step on the way, issuing needs: {_evidence(journey)}",
        "",
        "## As the guide prints it",
        "",
        "| no. | the guide | its words on the screen | here |",
        "|---|---|---|---|",
        *_printed(journey),
        "",
        "## In each preset",
        "",
        "The printed numbers stand in brackets.",
        "",
        *(_preset(journey, name) for name in PRESETS),
        "",
        "## Step by step",
        "",
        "In the order of `as-printed`.",
        "",
        *_steps(journey),
    ]
    for side in journey.sides:
        title = f"{render(f'journey.{side.id}', 'en')} ({render(f'journey.{side.id}', 'ko')})"
        lines += ["", f"## Aside: {title}", "", *_steps(side)]
    return "\n".join(lines) + "\n"


def _custody(journey: Journey) -> str:
    return (
        "at the signer, under the PIN"
        if journey.product.custody == "wallet"
        else "on the device, and only there"
    )


def _evidence(journey: Journey) -> str:
    return "; ".join(" or ".join(f"`{name}`" for name in sorted(names)) for names in journey.evidence)


def _preset(journey: Journey, preset: str) -> str:
    """Write how a preset walks a journey: its steps in order, without those such a bank never asks."""
    policy = policy_of(preset)
    steps = [
        f"`{step.id}`" + (f" ({', '.join(map(str, step.guide))})" if step.guide else "")
        for step in journey.walk(policy)
        if step.is_asked(journey.product, policy)
    ]
    return f"- `{preset}`, valid for {journey.product.life_under(policy)} days: {' → '.join(steps)}"


def _printed(journey: Journey) -> Iterator[str]:
    place = "menu of the app" if journey.channel == "app" else "pages of the certificate centre"
    for number, line in enumerate(PRINTED.get(journey.id, ()), start=1):
        ids = [f"`{step.id}`" for step in journey.steps if number in step.guide]
        here = ", ".join(ids) or f"before a run begins: the {place}"
        words = ", ".join(line.words) or "–"
        yield f"| {number} | {line.korean} – {line.english} | {words} | {here} |"


def _steps(journey: Journey) -> Iterator[str]:
    yield "| step | guide | title | asks | answered by | proves | limits | taken |"
    yield "|---|---|---|---|---|---|---|---|"
    for step in journey.walk(policy_of(AS_PRINTED)):
        yield _row(step)


def _row(step: Step) -> str:
    facts = KINDS[step.kind.name]
    title = f"{render(f'step.{step.id}.title', 'en')} ({render(f'step.{step.id}.title', 'ko')})"
    reasons = [f"the bank sets `{step.choice}`"] if step.choice else []
    reasons += [] if step.when is always else [_reason(step)]
    taken = f"when {' and '.join(reasons)}" if reasons else "always"
    aside = "".join(f"; aside `{side}`" for side in step.sides)
    cells = (
        f"`{step.id}`",
        ", ".join(str(number) for number in step.guide) or "–",
        title,
        ", ".join(f"`{name}`" for name in facts.asks) or "–",
        facts.of,
        f"`{step.gives}`",
        ", ".join(f"`{path}` ({_figure(path)})" for path in facts.limits) or "–",
        taken + aside,
    )
    return f"| {' | '.join(cells)} |"


def _figure(path: str) -> str:
    """Write what a figure is where a bank sets nothing, with its unit or what it is counted over."""
    value, unit = figure_at(policy_of(AS_PRINTED), path)
    if not isinstance(value, Limit):
        return f"{value} {unit}".rstrip()
    if value.per is None:
        return f"{value.count} until a right answer"
    return (
        f"{value.count} in {value.per} seconds"
        if isinstance(value.per, int)
        else f"{value.count} a {value.per}"
    )


def _reason(step: Step) -> str:
    """Return the first sentence of the condition's own description, after "only when"."""
    words = (step.when.__doc__ or "").strip().rstrip(".").split("only when ", 1)
    return words[-1].split(":")[0].replace("this factor", f"`{step.id}`").replace("this way", f"`{step.id}`")


def _figures() -> Iterator[str]:
    yield f"| figure | {' | '.join(f'`{name}`' for name in PRESETS)} |"
    yield f"|---|{'---|' * len(PRESETS)}"
    given = {preset: policy_of(preset).products for preset in PRESETS}
    named = {(product, name) for all_ in given.values() for product in all_ for name in all_[product]}
    for product, name in sorted(named):
        values = (given[preset][product][name] for preset in PRESETS)
        yield f"| `products.{product}.{name}` | {' | '.join(f'`{value}`'.lower() for value in values)} |"


def pages() -> dict[str, str]:
    """Return every table by file name below ``docs/journeys/``."""
    made = {f"{journey_id}.md": table_of(journey_id) for journey_id in JOURNEYS}
    index = [
        "# Journeys",
        "",
        "Made from the definitions that run; the tests make them again and compare.",
        "",
    ]
    index += [f"- [{render(f'journey.{j}', 'en')}]({j}.md) (`{j}`)" for j in JOURNEYS]
    index += [
        "",
        "## Presets",
        "",
        PRESET_NOTE,
        "",
        *_figures(),
    ]
    return {"README.md": "\n".join(index) + "\n", **made}
