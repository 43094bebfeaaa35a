/**
 * `<password-proof data-challenge>`: proves a certificate of this device that has a password. The password opens the key here;
 * only the signature over the centre's challenge (CMS SignedData) goes along with the form.
 */
import { BY_PASSWORD, device, fromBase64, toBase64 } from "../device";
import { word } from "../words";
import { writeDay } from "./dates";
import { complain, fill, formOf } from "./form";
import { sentence } from "./sayings";
import { holderOf } from "./seals";

export class PasswordProof extends HTMLElement {
  connectedCallback(): void {
    this.querySelector("[data-go]")?.addEventListener("click", () => void this.#go());
    this.#password?.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      void this.#go();
    });
    void this.#list();
  }

  get #password(): HTMLInputElement | null {
    return this.querySelector("#proof-password");
  }

  async #list(): Promise<void> {
    const held = await device().list(BY_PASSWORD).catch(() => []);
    this.querySelector("select")?.replaceChildren(
      ...held.map((one) => new Option(`${holderOf(one.facts.commonName)} · ${word("until", { date: writeDay(one.facts.notAfter) })}`, one.id)),
    );
    this.querySelector<HTMLElement>("[data-ready]")?.toggleAttribute("hidden", held.length === 0);
    this.querySelector<HTMLElement>("[data-nothing]")?.toggleAttribute("hidden", held.length > 0);
  }

  async #go(): Promise<void> {
    const form = formOf(this);
    const button = this.querySelector<HTMLElement>("[data-go]");
    if (!form || !this.#password || button?.getAttribute("aria-busy")) return;
    complain(this, "");
    button?.setAttribute("aria-busy", "true");
    try {
      const key = await device().openKey(this.#password.value, this.querySelector("select")?.value);
      const signed = await key.signCms(fromBase64(this.dataset["challenge"] ?? ""));
      fill(form, "signed", toBase64(signed));
      this.#password.value = "";
      form.requestSubmit();
    } catch (error) {
      complain(this, sentence(error));
      this.#password.focus();
    } finally {
      button?.removeAttribute("aria-busy");
    }
  }
}
