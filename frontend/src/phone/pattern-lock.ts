/**
 * `<pattern-lock data-mode data-size data-least data-challenge data-run>`: nine dots joined by one stroke of the
 * finger, or one after the other by keyboard (arrow keys and Space). `enrol` asks twice and makes the key of the new
 * certificate; `prove` answers a challenge of the centre. The pattern never leaves this page.
 */
import { device, fromBase64, MIN_POINTS, patternFaults, toBase64 } from "../device";
import { word } from "../words";
import { complain, fill, formOf, send } from "./form";
import { pendingOf, remember } from "./pending";
import { sentence } from "./sayings";

const SIZE = 3;
const UNIT = 100;
const SVG = "http://www.w3.org/2000/svg";

/** The dot in the middle between two others, when a straight stroke crosses it; null otherwise. */
export function between(one: number, other: number): number | null {
  const [row, column] = [Math.floor(one / SIZE) + Math.floor(other / SIZE), (one % SIZE) + (other % SIZE)];
  return row % 2 || column % 2 ? null : (row / 2) * SIZE + column / 2;
}

export class PatternLock extends HTMLElement {
  #dots: HTMLButtonElement[] = [];
  #drawn: number[] = [];
  #first = "";
  #pointer: number | null = null;
  #swept = false;
  #grid = document.createElement("div");
  #line = document.createElementNS(SVG, "polyline");
  #status = document.createElement("p");
  #done = document.createElement("button");
  #ready = false;
  #busy = false;

  connectedCallback(): void {
    if (this.#dots.length || !word("pattern_draw")) return;
    this.#build();
    this.#listen();
    this.#say(word(this.#proves ? "pattern_prove" : "pattern_draw"));
  }

  get #proves(): boolean {
    return this.dataset["mode"] === "prove" || this.dataset["mode"] === "ask";
  }

  get #least(): number {
    return Number(this.dataset["least"]) || MIN_POINTS;
  }

  /** The pattern drawn last, for pages that prove by other ways than the journey's form. */
  onproved: ((pattern: string) => Promise<void>) | null = null;

  /** Asks for another pattern, with a sentence of one's own; for `onproved`. */
  ask(text: string, focus = true): void {
    this.#busy = false;
    this.#restart(true);
    complain(this, "");
    this.#say(text);
    if (focus) this.#dots[4]?.focus({ preventScroll: true });
  }

  #build(): void {
    this.#status.className = "pattern__status";
    this.#status.setAttribute("role", "status");
    this.#grid.className = "pattern";
    this.#grid.setAttribute("role", "group");
    this.#grid.setAttribute("aria-label", word("pattern_name"));
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", `0 0 ${SIZE * UNIT} ${SIZE * UNIT}`);
    drawing.setAttribute("class", "pattern__trace");
    drawing.setAttribute("aria-hidden", "true");
    drawing.append(this.#line);
    this.#grid.append(drawing);
    for (let dot = 0; dot < SIZE * SIZE; dot += 1) {
      const made = document.createElement("button");
      made.type = "button";
      made.className = "pattern__dot";
      made.tabIndex = dot === 4 ? 0 : -1;
      made.dataset["dot"] = String(dot);
      const place = { row: Math.floor(dot / SIZE) + 1, column: (dot % SIZE) + 1 };
      made.setAttribute("aria-label", word("pattern_dot", place));
      made.setAttribute("aria-pressed", "false");
      this.#dots.push(made);
      this.#grid.append(made);
    }
    const tools = document.createElement("div");
    tools.className = "pattern__tools";
    const clear = document.createElement("button");
    clear.type = "button";
    clear.className = "link";
    clear.textContent = word("pattern_clear");
    clear.addEventListener("click", () => this.#restart());
    this.#done.type = "button";
    this.#done.className = "btn btn--small";
    this.#done.textContent = word("pattern_done");
    this.#done.addEventListener("click", () => void this.#finish());
    tools.append(clear, this.#done);
    const error = document.createElement("p");
    error.className = "field__error";
    error.dataset["error"] = "";
    error.setAttribute("role", "alert");
    error.hidden = true;
    error.append(document.createElement("span"));
    // Both have one place, above the grid: nothing may move under the finger when a complaint goes.
    const says = document.createElement("div");
    says.className = "pattern__says";
    says.append(this.#status, error);
    this.append(says, this.#grid, tools);
  }

  #listen(): void {
    this.#grid.addEventListener("pointerdown", (event) => this.#down(event));
    this.#grid.addEventListener("pointermove", (event) => this.#move(event));
    this.#grid.addEventListener("pointerup", (event) => this.#up(event));
    this.#grid.addEventListener("pointercancel", () => this.#restart());
    this.#grid.addEventListener("keydown", (event) => this.#key(event));
    this.#grid.addEventListener("click", (event) => {
      // A tap by an assistive technology arrives as a click without a pointer.
      const dot = (event.target as Element).closest<HTMLElement>(".pattern__dot");
      if (dot && !this.#swept && event.detail === 0) this.#join(Number(dot.dataset["dot"]));
      this.#swept = false;
    });
    formOf(this)?.addEventListener("submit", (event) => {
      const button = event.submitter;
      const submits = !(button instanceof HTMLButtonElement) || button.value === "submit" || button.value === "";
      const proven = formOf(this)?.querySelector<HTMLInputElement>("input[name=assertion]")?.value;
      if (this.#ready || proven || !submits) return;
      event.preventDefault();
      if (this.#drawn.length) void this.#finish();
      else complain(this, word("pattern_first"));
    });
  }

  // --- by finger ---------------------------------------------------------------------------------------------------

  #down(event: PointerEvent): void {
    if (event.button !== 0 || this.#busy) return;
    event.preventDefault();
    this.#restart(true);
    this.#pointer = event.pointerId;
    this.#grid.setPointerCapture(event.pointerId);
    this.#touch(event);
  }

  #move(event: PointerEvent): void {
    if (event.pointerId !== this.#pointer) return;
    for (const step of event.getCoalescedEvents?.() ?? [event]) this.#touch(step);
    this.#touch(event);
    this.#trace(this.#at(event));
  }

  #up(event: PointerEvent): void {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#swept = true;
    this.#trace(null);
    if (this.#drawn.length > 1) void this.#finish();
  }

  #at(event: PointerEvent): { x: number; y: number } {
    const box = this.#grid.getBoundingClientRect();
    const scale = (SIZE * UNIT) / box.width;
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  }

  #touch(event: PointerEvent): void {
    const { x, y } = this.#at(event);
    const [column, row] = [Math.floor(x / UNIT), Math.floor(y / UNIT)];
    if (column < 0 || row < 0 || column >= SIZE || row >= SIZE) return;
    const away = Math.hypot(x - (column + 0.5) * UNIT, y - (row + 0.5) * UNIT);
    if (away < UNIT * 0.34) this.#join(row * SIZE + column);
  }

  // --- by keyboard -------------------------------------------------------------------------------------------------

  #key(event: KeyboardEvent): void {
    const here = Number((event.target as HTMLElement).dataset["dot"] ?? "-1");
    if (here < 0) return;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -SIZE, ArrowDown: SIZE }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const sideways = Math.abs(step) === 1;
      const next = here + step;
      if (next < 0 || next >= SIZE * SIZE || (sideways && Math.floor(next / SIZE) !== Math.floor(here / SIZE))) return;
      for (const dot of this.#dots) dot.tabIndex = -1;
      const dot = this.#dots[next];
      if (dot) dot.tabIndex = 0;
      dot?.focus();
    } else if (event.key === "Backspace" || event.key === "Delete") {
      event.preventDefault();
      this.#restart();
    }
  }

  // --- the stroke --------------------------------------------------------------------------------------------------

  #join(dot: number): void {
    if (this.#busy || this.#drawn.includes(dot)) return;
    const last = this.#drawn[this.#drawn.length - 1];
    const middle = last === undefined ? null : between(last, dot);
    if (middle !== null && middle !== last && !this.#drawn.includes(middle)) this.#press(middle);
    this.#press(dot);
    this.#trace(null);
    complain(this, "");
    this.#say(word("pattern_count", { count: this.#drawn.length }));
  }

  #press(dot: number): void {
    this.#drawn.push(dot);
    this.#dots[dot]?.setAttribute("aria-pressed", "true");
    if (this.#pointer !== null && "vibrate" in navigator) navigator.vibrate(8);
  }

  #trace(end: { x: number; y: number } | null): void {
    const points = this.#drawn.map((dot) => [((dot % SIZE) + 0.5) * UNIT, (Math.floor(dot / SIZE) + 0.5) * UNIT]);
    if (end && points.length) points.push([end.x, end.y]);
    this.#line.setAttribute("points", points.map((point) => point.map((part) => part.toFixed(1)).join(",")).join(" "));
  }

  #restart(quietly = false): void {
    this.#drawn = [];
    this.#pointer = null;
    this.dataset["state"] = "";
    for (const dot of this.#dots) dot.setAttribute("aria-pressed", "false");
    this.#trace(null);
    if (!quietly) this.#say(word(this.#first ? "pattern_again" : this.#proves ? "pattern_prove" : "pattern_draw"));
  }

  #say(text: string): void {
    this.#status.textContent = text;
  }

  #refuse(text: string): void {
    this.#restart();
    this.dataset["state"] = "bad";
    complain(this, text);
    this.querySelector(".pattern__says")?.scrollIntoView({ block: "nearest" });
  }

  async #finish(): Promise<void> {
    if (this.#busy || this.#ready) return;
    const pattern = this.#drawn.join("");
    const faults = this.#proves ? [] : patternFaults(pattern, this.#least);
    if (faults.length) {
      this.#refuse(word(`pattern_fault_${faults[0] ?? "points"}`, { least: this.#least }));
      return;
    }
    if (!this.#proves && !this.#first) {
      this.#first = pattern;
      this.#restart();
      this.#dots[4]?.focus({ preventScroll: true });
      return;
    }
    if (!this.#proves && this.#first !== pattern) {
      this.#first = "";
      this.#refuse(word("pattern_differs"));
      return;
    }
    const asked = this.#proves ? formOf(this)?.querySelector<HTMLInputElement>("input[required]:invalid") : null;
    if (asked) {
      this.#refuse(word("pattern_needs"));
      asked.focus();
      return;
    }
    await this.#use(pattern);
  }

  async #use(pattern: string): Promise<void> {
    this.#busy = true;
    this.dataset["state"] = "good";
    this.#say(word("pattern_checking"));
    try {
      if (this.onproved) await this.onproved(pattern);
      else if (this.#proves) await this.#prove(pattern);
      else await this.#enrol(pattern);
    } catch (error) {
      this.#busy = false;
      this.#refuse(sentence(error));
    }
  }

  async #enrol(pattern: string): Promise<void> {
    const form = formOf(this);
    const run = this.dataset["run"] ?? "";
    if (!form) return;
    let pending = pendingOf(run);
    if (!pending) {
      const key = await device().makePatternKey();
      pending = { handle: key.handle, csr: toBase64(key.csr) };
      remember(run, pending);
    }
    fill(form, "proof_key", toBase64(await device().enrolPattern(pending.handle, pattern)));
    fill(form, "points", String(pattern.length));
    this.#first = "";
    this.#ready = true;
    send(form, "submit");
  }

  async #prove(pattern: string): Promise<void> {
    const form = formOf(this);
    if (!form) return;
    const proof = await device().patternProof(pattern, fromBase64(this.dataset["challenge"] ?? ""));
    fill(form, "mac", toBase64(proof.mac));
    fill(form, "signature", toBase64(proof.signature));
    this.#ready = true;
    send(form, "submit");
  }
}
