/**
 * `<certificate-sign data-serial data-challenge>`: shows that its holder can open the joint certificate in use. The
 * password opens the key here; only a signature over the centre's challenge goes along with the step.
 */
import { device, fromBase64, toBase64 } from "../device";
import { word } from "../words";
import { complain, fill, formOf, send } from "./form";
import { sentence } from "./sayings";

/** Keeps this signature from meaning anything elsewhere; the centre puts the same before its challenge. */
const LABEL = new TextEncoder().encode("dojang certificate check\0");

const same = (one: string, other: string): boolean => one.replace(/^0+/, "").toLowerCase() === other.replace(/^0+/, "").toLowerCase();

export class CertificateSign extends HTMLElement {
  #id = "";
  #signed = false;
  #busy = false;

  connectedCallback(): void {
    formOf(this)?.addEventListener("submit", (event) => this.#guard(event));
    void this.#find();
  }

  get #password(): HTMLInputElement | null {
    return this.querySelector("input");
  }

  async #find(): Promise<void> {
    const held = await device().list("joint").catch(() => []);
    this.#id = held.find((one) => same(one.facts.serialHex, this.dataset["serial"] ?? ""))?.id ?? "";
    this.querySelector("[data-nothing]")?.toggleAttribute("hidden", this.#id !== "");
    this.querySelector("[data-ask]")?.toggleAttribute("hidden", this.#id === "");
  }

  #guard(event: SubmitEvent): void {
    const button = event.submitter;
    const submits = !(button instanceof HTMLButtonElement) || button.value === "submit" || button.value === "";
    if (this.#signed || !submits) return;
    event.preventDefault();
    if (!this.#busy && this.#id) void this.#sign();
  }

  async #sign(): Promise<void> {
    const [form, input] = [formOf(this), this.#password];
    if (!form || !input) return;
    this.#busy = true;
    complain(this, "");
    input.removeAttribute("aria-invalid");
    try {
      if (!input.value) throw new Error(word("sign_first"));
      const challenge = fromBase64(this.dataset["challenge"] ?? "");
      const signature = await device().signWith({ id: this.#id, password: input.value }, new Uint8Array([...LABEL, ...challenge]));
      fill(form, "serial", this.dataset["serial"] ?? "");
      fill(form, "signature", toBase64(signature));
      input.value = "";
      this.#signed = true;
      send(form, "submit");
    } catch (error) {
      complain(this, error instanceof Error && error.name === "Error" ? error.message : sentence(error));
      input.setAttribute("aria-invalid", "true");
      input.focus();
    } finally {
      this.#busy = false;
    }
  }
}
