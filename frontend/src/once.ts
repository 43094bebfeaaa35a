/** A form is sent once: a second click while the first is on its way does nothing, and says so. */
import { word } from "./words";

const BUSY = "busy";

function release(form: HTMLFormElement): void {
  delete form.dataset[BUSY];
  document.querySelectorAll<HTMLElement>("[aria-busy=true]").forEach((button) => {
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-disabled");
  });
}

/** Whether an answer is on its way to the server. */
export function sending(): boolean {
  return document.querySelector(`form[data-${BUSY}]`) !== null;
}

export function guardForms(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !("once" in form.dataset) || event.defaultPrevented) return;
    if (BUSY in form.dataset) {
      event.preventDefault();
      return;
    }
    form.dataset[BUSY] = "";
    const button = event.submitter;
    button?.setAttribute("aria-busy", "true");
    button?.setAttribute("aria-disabled", "true");
    if (button && word("busy")) button.setAttribute("aria-description", word("busy"));
  });
  // Coming back by the browser's history may show the page as it was left, busy button included.
  addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll<HTMLFormElement>("form[data-once]").forEach(release);
  });
}
