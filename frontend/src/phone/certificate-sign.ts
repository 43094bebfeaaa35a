/**
 * `<certificate-sign data-serial data-challenge>`: shows that its holder can open the certificate in use that has a password. The
 * password opens the key here; only a signature over the centre's challenge goes along with the step.
 */
import { BY_PASSWORD, device, fromBase64, toBase64 } from "../device";
import { word } from "../words";
import { complain, fill, formOf, send } from "./form";
import { sentence } from "./sayings";

/** Keeps this signature from meaning anything elsewhere; the centre puts the same before its challenge. */
const LABEL = new TextEncoder().encode("dojang certificate check\0");

const sameSerial = (one: string, other: string): boolean => BigInt(`0x${one || 0}`) === BigInt(`0x${other || 0}`);

export class CertificateSign extends HTMLElement {
  #form: HTMLFormElement | null = null;
  #id = "";
  #signed = false;
  #busy = false;

  connectedCallback(): void {
    this.#form = formOf(this);
    this.#form?.addEventListener("submit", (event) => this.#guard(event));
    this.#password?.addEventListener("input", () => this.#complain(""));
    void this.#find();
  }

  get #password(): HTMLInputElement | null {
    return this.querySelector("input");
  }

  async #find(): Promise<void> {
    const held = await device().list(BY_PASSWORD).catch(() => []);
    this.#id = held.find((one) => sameSerial(one.facts.serialHex, this.dataset["serial"] ?? ""))?.id ?? "";
    this.querySelector("[data-nothing]")?.toggleAttribute("hidden", this.#id !== "");
    this.querySelector("[data-ask]")?.toggleAttribute("hidden", this.#id === "");
    this.dataset["ready"] = "";
  }

  #guard(event: SubmitEvent): void {
    const button = event.submitter;
    const submits = !(button instanceof HTMLButtonElement) || button.value === "submit" || button.value === "";
    if (this.#signed || !submits) return;
    event.preventDefault();
    if (!this.#busy && this.#id) void this.#sign();
  }

  async #sign(): Promise<void> {
    const [form, input] = [this.#form, this.#password];
    if (!form || !input) return;
    if (!input.value) {
      this.#complain(word("sign_first"));
      input.focus();
      return;
    }
    this.#busy = true;
    try {
      const challenge = fromBase64(this.dataset["challenge"] ?? "");
      const signed = new Uint8Array([...LABEL, ...challenge]);
      const signature = await device().signWith({ id: this.#id, password: input.value }, signed);
      fill(form, "serial", this.dataset["serial"] ?? "");
      fill(form, "signature", toBase64(signature));
      input.value = "";
      this.#signed = true;
      send(form, "submit");
    } catch (error) {
      this.#complain(sentence(error));
      input.select();
      input.focus();
    } finally {
      this.#busy = false;
    }
  }

  #complain(text: string): void {
    complain(this, text);
    if (text) this.#password?.setAttribute("aria-invalid", "true");
    else this.#password?.removeAttribute("aria-invalid");
    this.querySelector(".field")?.classList.toggle("field--bad", text !== "");
  }
}
