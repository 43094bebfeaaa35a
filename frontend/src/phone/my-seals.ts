/** `<my-seals>`: the certificates on this device as seals, before those the server knows of. Works offline. */
import { device } from "../device";
import { word } from "../words";
import { holderOf, sealOf } from "./seals";
import { writeDay } from "./dates";

export class MySeals extends HTMLElement {
  connectedCallback(): void {
    void this.#fill();
  }

  async #fill(): Promise<void> {
    const template = this.querySelector("template");
    const held = await device().list().catch(() => []);
    if (!template || !held.length) return;
    for (const one of [...held].reverse()) {
      const item = template.content.cloneNode(true) as DocumentFragment;
      const name = holderOf(one.facts.commonName);
      const link = item.querySelector("a");
      if (link) link.dataset["state"] = one.facts.notAfter.getTime() < Date.now() ? "dead" : "live";
      item.querySelector("[data-seal]")?.replaceWith(sealOf(name));
      const write = (selector: string, text: string): void => {
        const place = item.querySelector(selector);
        if (place) place.textContent = text;
      };
      write("[data-name]", name);
      write("[data-product]", word(`product_${one.product}`));
      write("[data-until]", word("until", { date: writeDay(one.facts.notAfter) }));
      this.prepend(item);
    }
    this.querySelector("[data-none]")?.setAttribute("hidden", "");
  }
}
