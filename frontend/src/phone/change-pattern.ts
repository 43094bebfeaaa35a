/**
 * `<change-pattern data-challenge data-least>`: the pattern one has, then a new one twice. The device proves the old one
 * and signs what the new one makes; neither pattern leaves this page.
 */
import { device, fromBase64, MIN_POINTS, patternFaults, toBase64 } from "../device";
import { word } from "../words";
import { complain, fill, formOf, send } from "./form";
import type { PatternLock } from "./pattern-lock";

export class ChangePattern extends HTMLElement {
  #old = "";
  #fresh = "";

  connectedCallback(): void {
    const lock = this.querySelector<PatternLock>("pattern-lock");
    if (!lock) return;
    lock.onproved = async (pattern): Promise<void> => this.#drawn(lock, pattern);
    lock.ask(word("change_old"), false);
  }

  async #drawn(lock: PatternLock, pattern: string): Promise<void> {
    if (!this.#old) {
      this.#old = pattern;
      lock.ask(word("change_new"));
    } else if (!this.#fresh) {
      const problem = this.#problem(pattern);
      if (!problem) this.#fresh = pattern;
      lock.ask(word(problem ? "change_new" : "change_again"));
      complain(lock, problem);
    } else if (this.#fresh !== pattern) {
      this.#fresh = "";
      lock.ask(word("change_new"));
      complain(lock, word("pattern_differs"));
    } else {
      await this.#send();
    }
  }

  #problem(pattern: string): string {
    const least = Number(this.dataset["least"]) || MIN_POINTS;
    const [fault] = patternFaults(pattern, least);
    if (fault) return word(`pattern_fault_${fault}`, { least });
    return pattern === this.#old ? word("change_same") : "";
  }

  async #send(): Promise<void> {
    const form = formOf(this);
    if (!form) return;
    const made = await device().changePattern(this.#old, this.#fresh, fromBase64(this.dataset["challenge"] ?? ""));
    this.#old = this.#fresh = "";
    fill(form, "mac", toBase64(made.mac));
    fill(form, "signature", toBase64(made.signature));
    fill(form, "proof_key", toBase64(made.proofKey));
    // Not "submit": the lock would hold that back until it has proven a pattern by itself.
    send(form, "change");
  }
}
