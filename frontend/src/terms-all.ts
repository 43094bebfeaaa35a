/**
 * `<terms-all>`: all texts at once, and one switch for all consents that are required; an optional one stays a choice
 * of its own. Only the single boxes are sent; without script they stand alone.
 */
export class TermsAll extends HTMLElement {
  connectedCallback(): void {
    const all = this.querySelector<HTMLInputElement>("[data-all]");
    const boxes = [...this.querySelectorAll<HTMLInputElement>("input[type=checkbox][name][data-required]")];
    this.readAll();
    if (!all || boxes.length === 0) return;
    const reflect = (): void => {
      const on = boxes.filter((box) => box.checked).length;
      all.checked = on === boxes.length;
      all.indeterminate = on > 0 && on < boxes.length;
    };
    all.closest("label")?.removeAttribute("hidden");
    all.addEventListener("change", () => {
      for (const box of boxes) box.checked = all.checked;
      reflect();
    });
    for (const box of boxes) box.addEventListener("change", reflect);
    reflect();
  }

  /** The button that opens every text, and closes them again; in the app it leads on to the switch for all. */
  private readAll(): void {
    const button = this.querySelector<HTMLButtonElement>("[data-read-all]");
    const texts = [...this.querySelectorAll("details")];
    if (!button || texts.length === 0) return;
    const reflect = (): void => button.setAttribute("aria-expanded", String(texts.every((text) => text.open)));
    button.hidden = false;
    button.addEventListener("click", () => {
      const open = !texts.every((text) => text.open);
      for (const text of texts) text.open = open;
      if (open && button.dataset.readAll === "agree") this.querySelector<HTMLInputElement>("[data-all]")?.focus();
    });
    for (const text of texts) text.addEventListener("toggle", reflect);
    reflect();
  }
}
