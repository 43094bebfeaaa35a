/**
 * `<push-switch data-state data-key data-put>`: messages to this device, on and off. The browser is asked for its leave
 * only after a tap, below a page that says what for. What fails says why, and leaves things as they were.
 */
import { fromBase64 } from "../device";
import { word } from "../words";
import { complain } from "./form";

const PATIENCE = 20_000;

type State = "on" | "off" | "unregistered" | "denied" | "unsupported";

class Refused extends Error {}

/** What takes longer than the browser's push service should is over. */
async function inTime<Found>(work: Promise<Found>, why: string): Promise<Found> {
  let timer = 0;
  const late = new Promise<never>((_, reject) => {
    timer = window.setTimeout(() => reject(new Refused(why)), PATIENCE);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function octets(base64url: string): Uint8Array<ArrayBuffer> {
  const text = base64url.replaceAll("-", "+").replaceAll("_", "/");
  return fromBase64(text + "=".repeat((4 - (text.length % 4)) % 4));
}

function same(one: ArrayBuffer | null | undefined, other: Uint8Array): boolean {
  const octet = new Uint8Array(one ?? new ArrayBuffer(0));
  return octet.length === other.length && octet.every((value, place) => value === other[place]);
}

export class PushSwitch extends HTMLElement {
  connectedCallback(): void {
    this.querySelector("[data-on]")?.addEventListener("click", (event) => void this.#try(event, () => this.#turnOn()));
    this.querySelector("[data-off]")?.addEventListener("click", (event) => void this.#try(event, () => this.#turnOff()));
    void this.#look();
  }

  /** Says how things stand: on is only what both this browser and the bank know of. */
  async #look(): Promise<void> {
    let state = (this.dataset["state"] ?? "off") as State;
    const possible = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window && isSecureContext;
    if (!possible || !this.dataset["key"]) state = "unsupported";
    else if (state !== "unregistered" && Notification.permission === "denied") state = "denied";
    else if (state === "on" && !(await this.#subscription().catch(() => null))) state = "off";
    this.#show(state);
  }

  #show(state: State): void {
    this.dataset["state"] = state;
    this.toggleAttribute("data-ready", true);
    const said = this.querySelector("[data-said]");
    if (said) said.textContent = word(`push_${state}`);
    this.querySelector<HTMLElement>("[data-on]")?.toggleAttribute("hidden", state !== "off");
    this.querySelector<HTMLElement>("[data-off]")?.toggleAttribute("hidden", state !== "on");
  }

  async #try(event: Event, act: () => Promise<State>): Promise<void> {
    const button = event.currentTarget as HTMLElement;
    if (button.getAttribute("aria-busy")) return;
    complain(this, "");
    button.setAttribute("aria-busy", "true");
    try {
      this.#show(await act());
      this.querySelector<HTMLElement>("button:not([hidden])")?.focus();
    } catch (error) {
      complain(this, (error instanceof Refused && word(error.message)) || word("push_failed"));
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  async #manager(): Promise<PushManager> {
    const worker = await inTime(navigator.serviceWorker.ready, "push_failed");
    return worker.pushManager;
  }

  async #subscription(): Promise<PushSubscription | null> {
    return (await this.#manager()).getSubscription();
  }

  async #turnOn(): Promise<State> {
    const leave = await Notification.requestPermission();
    if (leave === "denied") return "denied";
    if (leave !== "granted") throw new Refused("push_not_now");
    const manager = await this.#manager();
    const key = octets(this.dataset["key"] ?? "");
    const before = await manager.getSubscription();
    if (before && !same(before.options.applicationServerKey, key)) await before.unsubscribe();
    const asked = manager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    const made = await inTime(asked, "push_no_service").catch(() => {
      throw new Refused("push_no_service");
    });
    try {
      await this.#send({ subscription: JSON.stringify(made) });
    } catch (error) {
      await made.unsubscribe().catch(() => false);
      throw error;
    }
    return "on";
  }

  async #turnOff(): Promise<State> {
    await this.#send({ off: "1" });
    await (await this.#subscription())?.unsubscribe();
    return "off";
  }

  async #send(fields: Record<string, string>): Promise<void> {
    const token = this.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")?.value ?? "";
    const body = new URLSearchParams({ ...fields, csrfmiddlewaretoken: token });
    const answer = await fetch(this.dataset["put"] ?? "", { method: "POST", body, signal: AbortSignal.timeout(PATIENCE) });
    if (answer.ok) return;
    const said = (await answer.json().catch(() => ({}))) as { code?: string };
    throw new Refused(`push_${said.code ?? "failed"}`);
  }
}
