/**
 * `<count-down data-until data-now>`: time left as m:ss. Both moments are the server's, so the device's clock may be
 * wrong. Fires `elapsed` once. Without script the page shows the moment in words instead.
 */
export class CountDown extends HTMLElement {
  static observedAttributes = ["data-until", "data-now"];
  #end = 0;
  #timer = 0;

  connectedCallback(): void {
    this.setAttribute("role", "timer");
    this.#start();
  }

  disconnectedCallback(): void {
    clearTimeout(this.#timer);
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.#start();
  }

  /** Seconds left; not a number when the page gave no deadline. */
  get left(): number {
    return Math.max(0, Math.ceil((this.#end - performance.now()) / 1000));
  }

  #start(): void {
    clearTimeout(this.#timer);
    const until = Date.parse(this.dataset["until"] ?? "");
    const now = Date.parse(this.dataset["now"] ?? "");
    if (Number.isNaN(until) || Number.isNaN(now)) return;
    this.#end = performance.now() + (until - now);
    this.#tick();
  }

  #tick = (): void => {
    const left = this.left;
    this.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left > 0) this.#timer = window.setTimeout(this.#tick, 1000);
    else this.dispatchEvent(new CustomEvent("elapsed", { bubbles: true }));
  };
}
