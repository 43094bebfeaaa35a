/** `<idle-warning data-url data-expires data-now data-before>`: so many seconds before time-out, asks whether one is
 *  still there. */
import { sending } from "./once";

interface Extended {
  expires: string;
  expiresText?: string;
  serverTime?: string;
  revision: number;
  state: string;
}

export class IdleWarning extends HTMLElement {
  #timer = 0;
  #over = 0;

  connectedCallback(): void {
    this.#plan();
    this.querySelector("[data-extend]")?.addEventListener("click", () => void this.#extend());
    // The link beside the stage bar does the same without leaving the page, so nothing typed is lost.
    document.querySelector("form[data-extend]")?.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#extend();
    });
  }

  disconnectedCallback(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#over);
  }

  get #dialog(): HTMLDialogElement | null {
    return this.querySelector("dialog");
  }

  /** Shows the page as it is now, unless an answer is on its way: that brings a page of its own. */
  #reload(): void {
    if (!sending()) location.replace(location.pathname);
  }

  #plan(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#over);
    const left = Date.parse(this.dataset["expires"] ?? "") - Date.parse(this.dataset["now"] ?? "");
    if (Number.isNaN(left)) return;
    const before = Number(this.dataset["before"]) * 1_000;
    this.#timer = window.setTimeout(() => this.#dialog?.showModal(), Math.max(0, left - before));
    this.#over = window.setTimeout(() => this.#reload(), Math.max(0, left) + 500);
  }

  async #extend(): Promise<void> {
    const form = document.querySelector<HTMLFormElement>("form#act");
    const body = new URLSearchParams();
    for (const name of ["csrfmiddlewaretoken", "step", "revision"]) {
      body.set(name, form?.querySelector<HTMLInputElement>(`[name=${name}]`)?.value ?? "");
    }
    body.set("action", "extend");
    try {
      const answer = await fetch(this.dataset["url"] ?? "", {
        method: "POST",
        body,
        headers: { Accept: "application/json" },
        credentials: "same-origin",
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const state = (await answer.json()) as Extended;
      if (state.state !== "open" && state.state !== "locked") throw new Error(state.state);
      this.dataset["expires"] = state.expires;
      if (state.serverTime) this.dataset["now"] = state.serverTime;
      document.querySelectorAll<HTMLElement>("[data-expires-text]").forEach((place) => {
        if (state.expiresText) place.textContent = state.expiresText;
      });
      this.querySelectorAll<HTMLElement>("count-down").forEach((clock) => {
        clock.dataset["now"] = this.dataset["now"];
        clock.dataset["until"] = state.expires;
      });
      this.#dialog?.close();
      this.#plan();
    } catch {
      this.#reload();
    }
  }
}
