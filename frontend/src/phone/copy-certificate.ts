/**
 * `<copy-certificate>`: takes a certificate with a password to another device. Twelve digits are made here and typed there; the
 * centre passes on ciphertext and never learns the digits, from which both the place and the key are derived.
 */
import { BY_PASSWORD, device, DeviceError, fromBase64, toBase64 } from "../device";
import { word } from "../words";
import { complain } from "./form";
import { holderOf } from "./seals";
import { sentence } from "./sayings";
import { writeDay } from "./dates";

const ROUNDS = 600_000;
const SALT = "dojang parcel v1";
const DIGITS = 12;

/** Place (hexadecimal) and key of a parcel, from its digits. */
async function derive(digits: string): Promise<{ locator: string; key: CryptoKey }> {
  const text = new TextEncoder();
  const base = await crypto.subtle.importKey("raw", text.encode(digits), "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt: text.encode(SALT), iterations: ROUNDS };
  const bits = new Uint8Array(await crypto.subtle.deriveBits(how, base, 512));
  const locator = Array.from(bits.subarray(0, 32), (octet) => octet.toString(16).padStart(2, "0")).join("");
  const key = await crypto.subtle.importKey("raw", bits.slice(32), "AES-GCM", false, ["encrypt", "decrypt"]);
  return { locator, key };
}

/** Twelve fair digits. */
function newDigits(): string {
  let digits = "";
  const draw = new Uint8Array(1);
  while (digits.length < DIGITS) {
    crypto.getRandomValues(draw);
    if ((draw[0] ?? 255) < 250) digits += String((draw[0] ?? 0) % 10);
  }
  return digits;
}

export class CopyCertificate extends HTMLElement {
  connectedCallback(): void {
    const on = (name: string, act: () => Promise<void>): void => {
      this.querySelector<HTMLFormElement>(`form[data-${name}]`)?.addEventListener("submit", (event) => {
        event.preventDefault();
        void this.#try(event.submitter, act);
      });
    };
    on("send", () => this.#send());
    on("receive", () => this.#receive());
    void this.#list();
  }

  #input(id: string): HTMLInputElement | null {
    return this.querySelector(`#${id}`);
  }

  async #list(): Promise<void> {
    const held = await device().list(BY_PASSWORD).catch(() => []);
    this.#serials = new Map(held.map((one) => [one.id, one.facts.serialHex]));
    const select = this.querySelector("select");
    select?.replaceChildren(
      ...held.map((one) => new Option(`${holderOf(one.facts.commonName)} · ${word("until", { date: writeDay(one.facts.notAfter) })}`, one.id)),
    );
    this.querySelector<HTMLElement>("form[data-send]")?.toggleAttribute("hidden", held.length === 0);
    this.querySelector<HTMLElement>("[data-nothing]")?.toggleAttribute("hidden", held.length > 0);
    this.dataset["ready"] = "";
  }

  async #try(button: HTMLElement | null, act: () => Promise<void>): Promise<void> {
    if (button?.getAttribute("aria-busy")) return;
    complain(this, "");
    button?.setAttribute("aria-busy", "true");
    try {
      await act();
    } catch (error) {
      complain(this, error instanceof DeviceError ? sentence(error) : word(error instanceof Error ? error.message : "") || word("copy_failed"));
    } finally {
      button?.removeAttribute("aria-busy");
    }
  }

  async #post(where: string, fields: Record<string, string>): Promise<Record<string, string>> {
    const body = new URLSearchParams(fields);
    body.set("csrfmiddlewaretoken", this.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")?.value ?? "");
    const answer = await fetch(this.dataset[where] ?? "", { method: "POST", body, credentials: "same-origin" });
    if (answer.status === 404) throw new Error("copy_absent");
    if (answer.status === 410) throw new Error("copy_ended");
    if (!answer.ok) throw new Error("copy_failed");
    return (await answer.json()) as Record<string, string>;
  }

  async #send(): Promise<void> {
    const password = this.#input("copy-password");
    const id = this.querySelector("select")?.value ?? "";
    const plain = await device().exportPfx(id, password?.value ?? "");
    const digits = newDigits();
    const { locator, key } = await derive(digits);
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const cipher = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain));
    const parcel = new Uint8Array([...iv, ...cipher]);
    const serial = this.#serials.get(id) ?? "";
    await this.#post("put", { locator, content: toBase64(parcel), serial });
    if (password) password.value = "";
    const place = this.querySelector<HTMLElement>("[data-digits]");
    const number = place?.querySelector<HTMLElement>("[data-number]");
    if (number) number.textContent = digits.replace(/(\d{4})(?=\d)/g, "$1 ");
    if (place) place.hidden = false;
    place?.scrollIntoView({ block: "center" });
    this.#say(word("copy_sent"));
  }

  async #receive(): Promise<void> {
    const [number, open] = [this.#input("copy-number"), this.#input("copy-open")];
    const digits = (number?.value ?? "").normalize("NFKC").replace(/\D/g, "");
    if (digits.length !== DIGITS) throw new Error("copy_digits");
    const { locator, key } = await derive(digits);
    // Handed out once only: kept until the password is right.
    if (this.#fetched?.locator !== locator) {
      this.#fetched = { locator, parcel: fromBase64((await this.#post("fetch", { locator }))["content"] ?? "") };
    }
    const { parcel } = this.#fetched;
    const iv = parcel.slice(0, 12);
    const plain = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, parcel.slice(12)));
    await device().importPfx(plain, open?.value ?? "");
    this.#fetched = null;
    for (const input of [number, open]) if (input) input.value = "";
    this.#say(word("copy_taken"));
    await this.#list();
    document.querySelector("device-store")?.dispatchEvent(new Event("changed"));
  }

  /** By id: the centre carries no copy of what was put on hold or revoked. */
  #serials = new Map<string, string>();
  #fetched: { locator: string; parcel: Uint8Array<ArrayBuffer> } | null = null;

  #say(text: string): void {
    const place = this.querySelector<HTMLElement>("[data-said]");
    if (!place) return;
    place.textContent = text;
    place.hidden = false;
  }
}
