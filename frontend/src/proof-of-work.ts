import { sha256 } from "./device/hash";

/** How long one piece of work may hold the page (milliseconds): typing and reading aloud go on between two. */
const PIECE = 24;
/** The server's cookie for a proof, and how long a challenge lives (seconds). */
const COOKIE = "dojang_work";
const LIFE = 600;

/** Counts the zero bits a digest begins with. */
export function zeroBits(digest: Uint8Array): number {
  let bits = 0;
  for (const octet of digest) {
    if (octet === 0) {
      bits += 8;
      continue;
    }
    return bits + Math.clz32(octet) - 24;
  }
  return bits;
}

/** Looks for the number that solves a challenge, from `from` on, for so many milliseconds; returns it, or where to go on. */
export function search(challenge: string, bits: number, from: number, spell: number): { found?: number; next: number } {
  const encoder = new TextEncoder();
  const end = performance.now() + spell;
  let number = from;
  do {
    for (let round = 0; round < 256; round += 1, number += 1) {
      if (zeroBits(sha256(encoder.encode(`${challenge}.${number}`))) >= bits) return { found: number, next: number };
    }
  } while (performance.now() < end);
  return { next: number };
}

/**
 * `<proof-of-work data-challenge data-bits data-done>`: does the work that spares the waiting, and leaves the proof in a
 * cookie for the next entry. It starts by itself, asks for nothing and tells how far it is. Until it is done the
 * page's form cannot be sent. Without script the page says how long to wait.
 */
export class ProofOfWork extends HTMLElement {
  #held: HTMLButtonElement[] = [];
  #timer = 0;

  connectedCallback(): void {
    const challenge = this.dataset["challenge"] ?? "";
    const bits = Number(this.dataset["bits"]);
    const shown = this.querySelector<HTMLElement>("[data-scripted]");
    if (!/^[0-9a-f.]{40,80}$/.test(challenge) || !(bits > 0 && bits <= 24) || !shown) return;
    shown.hidden = false;
    this.querySelector<HTMLElement>("[data-told]")?.setAttribute("hidden", "");
    this.#held = [...document.querySelectorAll<HTMLButtonElement>("main form button:not([type=button])")].filter((one) => !one.disabled);
    for (const button of this.#held) button.disabled = true;
    this.#work(challenge, bits, 0, 0);
  }

  disconnectedCallback(): void {
    clearTimeout(this.#timer);
    this.#release();
  }

  #work(challenge: string, bits: number, from: number, told: number): void {
    const { found, next } = search(challenge, bits, from, PIECE);
    if (found !== undefined) {
      const secure = location.protocol === "https:" ? "; Secure" : "";
      document.cookie = `${COOKIE}=${challenge}.${found}; Path=/; Max-Age=${LIFE}; SameSite=Strict${secure}`;
      this.#tell(100, this.dataset["done"] ?? "");
      this.#release();
      return;
    }
    // How likely it would be found by now: luck has no progress of its own.
    const share = Math.floor(100 * (1 - Math.exp(-next / 2 ** bits)));
    const quarter = Math.floor(share / 25);
    this.#tell(share, quarter > told ? `${quarter * 25} %` : undefined);
    this.#timer = window.setTimeout(() => this.#work(challenge, bits, next, Math.max(told, quarter)), 0);
  }

  /** Moves the bar with every piece; what is read aloud changes at each quarter. */
  #tell(share: number, text?: string): void {
    const bar = this.querySelector("progress");
    if (bar) bar.value = share;
    const status = this.querySelector<HTMLElement>("[data-status]");
    if (status && text !== undefined) status.textContent = text;
  }

  #release(): void {
    for (const button of this.#held) button.disabled = false;
    this.#held = [];
  }
}
