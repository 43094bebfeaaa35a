/**
 * `<deliver-certificate data-certificate data-chain data-challenge data-run>`: puts the new certificate beside its key
 * and proves by a signature that it arrived. Until the centre has seen that, the old certificate is the valid one.
 */
import { device, DeviceError, fromBase64, toBase64 } from "../device";
import { complain, fill, formOf, send } from "./form";
import { pendingOf } from "./pending";
import { sentence } from "./sayings";

/** This browser will not keep it: trying again changes nothing. */
const REFUSED = new Set(["storage_failed", "device_unsupported"]);

export class DeliverCertificate extends HTMLElement {
  connectedCallback(): void {
    // After a refusal the person decides; a page that sends itself again and again helps nobody.
    if (!document.querySelector(".summary")) void this.#store();
  }

  async #store(): Promise<void> {
    const form = formOf(this);
    if (!form) return;
    try {
      const pending = pendingOf(this.dataset["run"] ?? "");
      if (!pending) throw new DeviceError("key_absent");
      const chain = (this.dataset["chain"] ?? "").split(" ").filter(Boolean).map(fromBase64);
      await device().storeCertificate(pending.handle, fromBase64(this.dataset["certificate"] ?? ""), chain);
      const signature = await device().confirmDelivery(pending.handle, fromBase64(this.dataset["challenge"] ?? ""));
      fill(form, "signature", toBase64(signature));
      send(form, "stored");
    } catch (error) {
      complain(this, sentence(error));
      // The centre takes the new certificate back at once; the old one was never touched.
      if (error instanceof DeviceError && REFUSED.has(error.code)) send(form, "storage_failed");
    }
  }
}
