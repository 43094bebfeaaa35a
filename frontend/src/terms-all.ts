/** `<terms-all>`: one switch for all consents. Only the single boxes are sent; without script they stand alone. */
export class TermsAll extends HTMLElement {
  connectedCallback(): void {
    const all = this.querySelector<HTMLInputElement>("[data-all]");
    const boxes = [...this.querySelectorAll<HTMLInputElement>("input[type=checkbox][name]")];
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
}
