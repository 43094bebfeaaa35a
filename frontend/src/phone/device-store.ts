/** `<device-store>`: the certificates on this device: look, take elsewhere, bring in, change the password, delete. */
import { BY_PASSWORD, device, DeviceError, type Held } from "../device";
import { word } from "../words";
import { writeDay } from "./dates";
import { holderOf, sealOf } from "./seals";
import { sentence } from "./sayings";

function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string> = {},
  ...inside: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

function button(text: string, kind: string, act: () => void): HTMLButtonElement {
  const made = make("button", { type: "button", class: kind }, text);
  made.addEventListener("click", act);
  return made;
}

function save(name: string, type: string, content: Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = make("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const DAY = 24 * 3600 * 1000;

interface Question {
  name: string;
  label: string;
  fresh?: boolean;
}

export class DeviceStore extends HTMLElement {
  #list = make("ul", { class: "store" });
  #status = make("p", { class: "note note--good", role: "status", hidden: "" });
  #dialog = make("dialog", { class: "sheet-dialog", "aria-labelledby": "store-dialog" });

  connectedCallback(): void {
    if (this.#list.isConnected || !word("store_import")) return;
    const files = make("input", { type: "file", class: "unseen", id: "store-file", tabindex: "-1", "aria-hidden": "true", accept: ".p12,.pfx,.zip,.der,.key", multiple: "" });
    files.addEventListener("change", () => void this.#import(files));
    const open = button(word("store_import"), "btn btn--wide", () => files.click());
    this.append(this.#status, this.#list, make("div", { class: "stack-acts" }, open, files), this.#dialog);
    this.addEventListener("changed", () => void this.#show());
    void this.#show();
  }

  async #show(): Promise<void> {
    const held = await device().list().catch(() => []);
    this.#list.replaceChildren(...held.map((one) => this.#item(one)));
    this.#list.hidden = held.length === 0;
    this.querySelector<HTMLElement>("[data-none]")?.toggleAttribute("hidden", held.length > 0);
    this.dataset["ready"] = "";
  }

  #item(held: Held): HTMLLIElement {
    const { facts } = held;
    const name = holderOf(facts.commonName);
    const live = facts.notAfter.getTime() > Date.now();
    const text = make(
      "span",
      { class: "mine__text" },
      make("strong", {}, name),
      make("span", {}, word(`product_${held.product}`)),
      make("span", { class: "muted small num" }, word("until", { date: writeDay(facts.notAfter) })),
    );
    const state = make("span", { class: live ? "tag tag--good" : "tag" }, word(live ? "state_live" : "state_over"));
    const rows = [
      ["store_issuer", facts.issuerText],
      ["store_subject", facts.subjectText],
      ["store_serial", facts.serialHex.replace(/(.{4})(?=.)/g, "$1 ")],
      ["store_since", writeDay(facts.notBefore)],
    ].map(([key = "", value = ""]) => make("div", {}, make("dt", {}, word(key)), make("dd", { class: "mono" }, value)));
    const acts = make("div", { class: "store__acts" });
    if (held.product === BY_PASSWORD) {
      acts.append(
        button(word("store_pfx"), "btn btn--small", () => this.#export(held, "pfx")),
        button(word("store_folder"), "btn btn--small", () => this.#export(held, "folder")),
        button(word("store_change"), "btn btn--small", () => this.#change(held)),
      );
    } else {
      acts.append(make("p", { class: "muted small" }, word("store_stays")));
      if (live) acts.append(make("a", { class: "btn btn--small", href: `/app/${held.product}/pattern/` }, word("store_pattern")));
      acts.append(make("a", { class: "btn btn--small", href: `/app/${held.product}/biometric/` }, word("store_biometric")));
    }
    if (live) acts.append(make("a", { class: "btn btn--small btn--bad", href: `/app/certificates/${held.product}/revoke/` }, word("store_revoke")));
    acts.append(button(word("store_delete"), "btn btn--small btn--bad", () => this.#delete(held)));
    return make(
      "li",
      { class: "card", "data-state": live ? "live" : "dead", "data-id": held.id },
      make(
        "details",
        {},
        make("summary", {}, sealOf(name), text, state),
        make("dl", { class: "facts" }, ...rows),
        acts,
      ),
      ...this.#ending(held),
    );
  }

  /** What to do about a certificate whose end is near, or past; the centre says from how many days on. */
  #ending(held: Held): Node[] {
    const from = this.getAttribute(`data-window-${held.product}`);
    if (from === null) return [];
    // The centre's clock, where the page comes from it: a telephone's may be wrong.
    const now = Date.parse(this.dataset["now"] ?? "") || Date.now();
    const left = Math.floor((held.facts.notAfter.getTime() - now) / DAY);
    if (left > Number(from)) return [];
    const over = held.facts.notAfter.getTime() <= now;
    const text = over ? word("store_ended") : left > 0 ? word("store_days", { days: left }) : word("store_today");
    const href = `/app/${held.product}/${over ? "issue" : "reissue"}/`;
    const way = make("a", { class: "btn btn--small", href }, word(over ? "store_issue" : "store_renew"));
    return [make("div", { class: over ? "note note--danger ends" : "note note--warn ends" }, make("div", {}, make("p", {}, text), make("p", {}, way)))];
  }

  #tell(text: string): void {
    this.#status.textContent = text;
    this.#status.hidden = false;
  }

  /** Asks in a dialogue; `act` may refuse by throwing, which is said in the dialogue. */
  #ask(title: string, text: string, questions: Question[], go: string, act: (answers: string[]) => Promise<void>): void {
    const inputs = questions.map(({ name, fresh }) =>
      make("input", {
        class: "input",
        id: `store-${name}`,
        type: "password",
        autocapitalize: "none",
        autocomplete: fresh ? "new-password" : "current-password",
      }),
    );
    const fields = questions.map(({ name, label }, place) =>
      make("div", { class: "field" }, make("label", { class: "field__label", for: `store-${name}` }, label), inputs[place] ?? ""),
    );
    const error = make("p", { class: "field__error", role: "alert", hidden: "" }, make("span"));
    const confirm = make("button", { class: "btn btn--primary" }, go);
    const cancel = button(word("store_cancel"), "btn btn--quiet", () => this.#dialog.close());
    const form = make(
      "form",
      { class: "ask", method: "dialog" },
      make("h2", { id: "store-dialog" }, title),
      make("p", { class: "muted" }, text),
      ...fields,
      error,
      make("div", { class: "ask__acts" }, confirm, cancel),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      confirm.setAttribute("aria-busy", "true");
      act(inputs.map((input) => input.value)).then(
        () => {
          this.#dialog.close();
          void this.#show();
        },
        (reason: unknown) => {
          confirm.removeAttribute("aria-busy");
          error.hidden = false;
          const said = error.firstElementChild;
          if (said) said.textContent = reason instanceof DeviceError || !(reason instanceof Error) ? sentence(reason) : reason.message;
          inputs[0]?.focus();
        },
      );
    });
    this.#dialog.replaceChildren(form);
    this.#dialog.addEventListener("close", () => this.#dialog.replaceChildren(), { once: true });
    this.#dialog.showModal();
    (inputs[0] ?? cancel).focus();
  }

  #export(held: Held, form: "pfx" | "folder"): void {
    const name = holderOf(held.facts.commonName) || "certificate";
    const question = [{ name: "password", label: word("store_password") }];
    this.#ask(word(`store_${form}`), word(`store_${form}_text`), question, word("store_save"), async ([password = ""]) => {
      if (form === "pfx") save(`${name}.p12`, "application/x-pkcs12", await device().exportPfx(held.id, password));
      else save(`${name}.zip`, "application/zip", await device().exportFolder(held.id, password));
      this.#tell(word("store_saved"));
    });
  }

  #change(held: Held): void {
    const questions = [
      { name: "password", label: word("store_password") },
      { name: "fresh", label: word("store_fresh"), fresh: true },
      { name: "again", label: word("store_again"), fresh: true },
    ];
    this.#ask(word("store_change"), word("store_change_text"), questions, word("store_change_go"), async ([old = "", fresh = "", again = ""]) => {
      if (fresh !== again) throw new Error(word("key_differs"));
      await device().changePassword(held.id, old, fresh);
      this.#tell(word("store_changed"));
    });
  }

  #delete(held: Held): void {
    this.#ask(word("store_delete"), word("store_delete_text"), [], word("store_delete"), async () => {
      await device().remove(held.id);
      this.#tell(word("store_deleted"));
    });
  }

  async #import(files: HTMLInputElement): Promise<void> {
    const chosen = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const file of files.files ?? []) chosen.set(file.name, new Uint8Array(await file.arrayBuffer()));
    files.value = "";
    const [first] = chosen;
    if (!first) return;
    const [name, content] = first;
    const question = [{ name: "password", label: word("store_password") }];
    this.#ask(word("store_import"), word("store_import_text"), question, word("store_import_go"), async ([password = ""]) => {
      const isFolder = chosen.size > 1 || /\.zip$/i.test(name);
      const damaged = isFolder ? (await device().importFolder(chosen.size > 1 ? chosen : content, password)).damaged : [];
      if (!isFolder) await device().importPfx(content, password);
      this.#tell(damaged.length ? word("store_imported_but", { names: damaged.join(", ") }) : word("store_imported"));
    });
  }
}
