/**
 * `<device-key data-algorithm data-transport data-password data-forbidden data-run>`: makes the key on this device when
 * the step is sent. Only the request (and, where it is wanted, R sealed for the signer) goes along; the password
 * stays in the page.
 */
import { device, DeviceError, fromBase64, passwordFaults, toBase64 } from "../device";
import { word } from "../words";
import { complain, fill, formOf, send } from "./form";
import { pendingOf, remember } from "./pending";
import { sentence } from "./sayings";

export class DeviceKey extends HTMLElement {
  #form: HTMLFormElement | null = null;
  #made = false;
  #busy = false;

  connectedCallback(): void {
    this.#form = formOf(this);
    this.#form?.addEventListener("submit", (event) => this.#guard(event));
    this.#password?.addEventListener("input", () => this.#reflect());
    this.querySelector<HTMLInputElement>("[data-peek]")?.addEventListener("change", (event) => {
      const open = (event.target as HTMLInputElement).checked;
      for (const input of [this.#password, this.#again]) if (input) input.type = open ? "text" : "password";
    });
  }

  get #password(): HTMLInputElement | null {
    return this.querySelector("#key-password");
  }

  get #again(): HTMLInputElement | null {
    return this.querySelector("#key-again");
  }

  /** Rules broken by what is typed, by their names in the list. */
  #faults(password: string): Set<string> {
    const faults = new Set<string>(passwordFaults(password));
    for (const fault of ["long", "characters"]) if (faults.delete(fault)) faults.add("length");
    const low = password.toLowerCase();
    const forbidden = (this.dataset["forbidden"] ?? "").toLowerCase().split(" ");
    if (forbidden.some((part) => part.length >= 3 && low.includes(part))) faults.add("personal");
    return faults;
  }

  #reflect(): void {
    const password = this.#password?.value ?? "";
    const faults = this.#faults(password);
    this.querySelectorAll<HTMLElement>("[data-rule]").forEach((rule) => {
      if (password) rule.dataset["kept"] = String(!faults.has(rule.dataset["rule"] ?? ""));
      else delete rule.dataset["kept"];
    });
  }

  #guard(event: SubmitEvent): void {
    const button = event.submitter;
    const submits = !(button instanceof HTMLButtonElement) || button.value === "submit" || button.value === "";
    if (this.#made || !submits) return;
    event.preventDefault();
    if (!this.#busy) void this.#make();
  }

  async #make(): Promise<void> {
    const form = this.#form;
    if (!form) return;
    const problem = this.#problem();
    this.#mark(problem ? this.#problemPlace() : null);
    complain(this, problem);
    if (problem) {
      this.#problemPlace()?.focus();
      return;
    }
    this.#busy = true;
    try {
      if ("password" in this.dataset) await this.#byPassword(form);
      else await this.#byPattern(form);
      this.#made = true;
      this.#progress(3, "key_sending");
      send(form, "submit");
    } catch (error) {
      this.#progress(0, "");
      complain(this, sentence(error));
    } finally {
      this.#busy = false;
    }
  }

  #problem(): string {
    const [password, again] = [this.#password, this.#again];
    if (!password || !again) return "";
    if (this.#faults(password.value).size) return word("error_password_weak");
    return password.value === again.value ? "" : word("key_differs");
  }

  #problemPlace(): HTMLInputElement | null {
    return this.#faults(this.#password?.value ?? "").size ? this.#password : this.#again;
  }

  /** The complaint stands at the field it is about; without one, at the end. */
  #mark(bad: HTMLInputElement | null): void {
    const error = this.querySelector<HTMLElement>("[data-error]");
    for (const input of [this.#password, this.#again]) {
      input?.closest(".field")?.classList.toggle("field--bad", input === bad);
      if (input && input === bad) input.setAttribute("aria-invalid", "true");
      else input?.removeAttribute("aria-invalid");
    }
    if (error && bad) bad.after(error);
    else if (error) this.append(error);
  }

  async #byPassword(form: HTMLFormElement): Promise<void> {
    this.#progress(1, "key_making");
    const [password, again] = [this.#password, this.#again];
    const key = await device().makePasswordKey(password?.value ?? "");
    this.#progress(2, "key_sealing");
    const sealed = toBase64(await key.sealedR(fromBase64(this.dataset["transport"] ?? "")));
    const csr = toBase64(key.csr);
    remember(this.dataset["run"] ?? "", { handle: key.handle, csr });
    fill(form, "csr", csr);
    fill(form, "sealed_r", sealed);
    fill(form, "password_ok", "1");
    for (const input of [password, again]) if (input) input.value = "";
  }

  /** A key that a pattern opens was made with its pattern, a step before. */
  async #byPattern(form: HTMLFormElement): Promise<void> {
    this.#progress(2, "key_making");
    const pending = pendingOf(this.dataset["run"] ?? "");
    if (!pending) throw new DeviceError("key_absent");
    fill(form, "csr", pending.csr);
  }

  #progress(value: number, text: string): void {
    const forge = this.querySelector<HTMLElement>("[data-forge]");
    if (!forge) return;
    forge.hidden = text === "";
    const bar = forge.querySelector("progress");
    if (bar) bar.value = value;
    const status = forge.querySelector("[role=status]");
    if (status) status.textContent = text ? word(text) : "";
  }
}
