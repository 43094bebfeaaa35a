/** Everything that makes the plain pages nicer. Each page works without it. */
import { CountDown } from "./count-down";
import { IdleWarning } from "./idle-warning";
import { LiveWait } from "./live-wait";
import { guardForms } from "./once";
import { PinPad } from "./pin-pad";
import { ProofOfWork } from "./proof-of-work";
import { TermsAll } from "./terms-all";

class PrintButton extends HTMLElement {
  connectedCallback(): void {
    this.hidden = false;
    this.querySelector("button")?.addEventListener("click", () => print());
  }
}

/** `<bring-link>`: fills in what a QR code brought behind the hash, which no server sees, and takes it off the address. */
class BringLink extends HTMLElement {
  connectedCallback(): void {
    const link = location.hash.slice(1);
    const input = this.querySelector<HTMLInputElement>("input[name=number]");
    if (!input || !/^[A-Za-z0-9_-]{43}$/.test(link)) return;
    history.replaceState(null, "", location.pathname);
    input.value = link;
    input.type = "password";
  }
}

guardForms();
customElements.define("count-down", CountDown);
customElements.define("live-wait", LiveWait);
customElements.define("idle-warning", IdleWarning);
customElements.define("terms-all", TermsAll);
customElements.define("pin-pad", PinPad);
customElements.define("proof-of-work", ProofOfWork);
customElements.define("print-button", PrintButton);
customElements.define("bring-link", BringLink);

// The first half of a number that is typed in two boxes leads to the second; a whole one pasted fills both.
document.querySelectorAll<HTMLInputElement>("input[data-next]").forEach((input) => {
  input.addEventListener("input", () => {
    const length = Number(input.dataset["length"]);
    const second = document.getElementById(input.dataset["next"] ?? "");
    const digits = input.value.normalize("NFKC").replace(/[^0-9]/g, "");
    if (digits.length < length || !(second instanceof HTMLInputElement)) return;
    if (digits.length > length) {
      input.value = digits.slice(0, length);
      second.value = digits.slice(length);
      second.dispatchEvent(new Event("input"));
    }
    second.focus();
  });
});
// What went wrong is the first thing to hear and see.
document.querySelector<HTMLElement>("[data-focus]")?.focus();
