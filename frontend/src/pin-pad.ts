/**
 * `<pin-pad data-label data-length>` around an input: a keypad with shuffled keys, and one tap away the plain keyboard,
 * which is also what screen readers use. Digits of a keyboard work in both. Without script the input is an ordinary
 * password field.
 */
import { word } from "./words";

const DIGITS = "0123456789";

/** A fair shuffle: random numbers that would favour some places are drawn again. */
function shuffled(text: string): string[] {
  const letters = [...text];
  const draw = new Uint8Array(1);
  for (let last = letters.length - 1; last > 0; last -= 1) {
    const limit = 256 - (256 % (last + 1));
    do crypto.getRandomValues(draw);
    while ((draw[0] ?? 255) >= limit);
    const other = (draw[0] ?? 0) % (last + 1);
    [letters[last], letters[other]] = [letters[other] ?? "", letters[last] ?? ""];
  }
  return letters;
}

function button(text: string, name: string, act: () => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = name;
  made.textContent = text;
  made.addEventListener("click", act);
  return made;
}

export class PinPad extends HTMLElement {
  #input: HTMLInputElement | null = null;
  #pad: HTMLElement | null = null;
  #said: HTMLElement | null = null;
  #dots: HTMLElement | null = null;
  #length = 0;
  #plain = false;

  connectedCallback(): void {
    this.#input = this.querySelector("input");
    if (!this.#input || !word("pad") || this.#said) return;
    this.#length = Number(this.dataset["length"]) || this.#input.maxLength;
    this.#said = document.createElement("span");
    this.#said.className = "unseen";
    this.#said.setAttribute("role", "status");
    this.append(this.#said);
    if ("dots" in this.dataset) {
      this.#dots = document.createElement("span");
      this.#dots.className = "dots";
      this.#dots.setAttribute("aria-hidden", "true");
      for (let n = 0; n < this.#length; n += 1) {
        const dot = document.createElement("span");
        dot.className = "dots__dot";
        this.#dots.append(dot);
      }
      this.append(this.#dots);
    }
    this.#usePad(true);
    this.#input.addEventListener("focus", () => this.#open());
    this.#input.addEventListener("click", () => this.#open());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#input.addEventListener("input", () => this.#reflect(false));
    this.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#pad) {
        event.stopPropagation();
        this.#close();
        this.#input?.focus();
        this.#close();
      }
    });
    this.addEventListener("focusout", (event) => {
      const to = event.relatedTarget;
      if (to instanceof Node && !this.contains(to)) this.#close();
    });
    document.addEventListener("pointerdown", (event) => {
      if (this.#pad && event.target instanceof Node && !this.contains(event.target)) this.#close();
    });
    this.#reflect(false);
  }

  #usePad(on: boolean): void {
    this.#plain = !on;
    this.dataset["mode"] = on ? "pad" : "plain";
    if (!this.#input) return;
    this.#input.readOnly = on;
    this.#input.inputMode = on ? "none" : "numeric";
  }

  #open(): void {
    if (this.#plain || this.#pad || !this.#input) return;
    document.querySelectorAll("pin-pad").forEach((other) => {
      if (other !== this && other instanceof PinPad) other.#close();
    });
    this.#pad = document.createElement("div");
    this.#pad.className = "pad";
    this.#pad.setAttribute("role", "group");
    this.#pad.setAttribute("aria-label", word("pad", { label: this.dataset["label"] ?? "" }));
    this.#fill();
    this.append(this.#pad);
    document.documentElement.classList.add("pad-open");
    this.scrollIntoView({ block: "center" });
  }

  #fill(): void {
    const keys = document.createElement("div");
    keys.className = "pad__keys";
    const digits = shuffled(DIGITS);
    digits.forEach((digit, place) => {
      if (place === 9) keys.append(button(word("shuffle"), "pad__key pad__key--tool", () => this.#shuffle()));
      keys.append(button(digit, "pad__key", () => this.#press(digit)));
    });
    keys.append(button(word("delete"), "pad__key pad__key--tool", () => this.#erase()));
    const tools = document.createElement("div");
    tools.className = "pad__tools";
    tools.append(
      button(word("plain"), "link", () => {
        this.#close();
        this.#usePad(false);
        this.#input?.focus();
      }),
      button(word("close"), "link", () => {
        this.#close();
        this.#input?.focus();
        this.#close();
      }),
    );
    this.#pad?.replaceChildren(keys, tools);
  }

  #shuffle(): void {
    this.#fill();
    this.#pad?.querySelectorAll<HTMLButtonElement>(".pad__key--tool")[0]?.focus();
  }

  #close(): void {
    this.#pad?.remove();
    this.#pad = null;
    document.documentElement.classList.remove("pad-open");
  }

  #key(event: KeyboardEvent): void {
    if (this.#plain || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[0-9]$/.test(event.key)) {
      event.preventDefault();
      this.#press(event.key);
    } else if (event.key === "Backspace") {
      event.preventDefault();
      this.#erase();
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      this.#open();
      this.#pad?.querySelector<HTMLButtonElement>(".pad__key")?.focus();
    }
  }

  #press(digit: string): void {
    if (!this.#input || this.#input.value.length >= this.#length) return;
    this.#input.value += digit;
    this.#reflect(true);
  }

  #erase(): void {
    if (!this.#input) return;
    this.#input.value = this.#input.value.slice(0, -1);
    this.#reflect(true);
  }

  #reflect(speak: boolean): void {
    const count = this.#input?.value.length ?? 0;
    this.#dots?.querySelectorAll(".dots__dot").forEach((dot, place) => {
      dot.classList.toggle("dots__dot--on", place < count);
    });
    if (speak && this.#said) this.#said.textContent = word("typed", { count });
    if (speak && count >= this.#length) this.#done();
  }

  #done(): void {
    this.#close();
    const next = "advance" in this.dataset ? this.#following() : null;
    (next ?? this.#input)?.focus();
    if (!next) this.#close();
  }

  /** The next half of a card code, if it is still empty. */
  #following(): HTMLInputElement | null {
    const all = [...document.querySelectorAll<PinPad>("pin-pad[data-advance]")];
    const input = all[all.indexOf(this) + 1]?.querySelector("input") ?? null;
    return input && input.value === "" ? input : null;
  }
}
