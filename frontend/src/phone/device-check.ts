/** `<device-check data-least>`: looks whether this device can hold keys, and fills in who it is. */
import { word } from "../words";
import { APP_VERSION, deviceId } from "./identity";
import { fill, formOf } from "./form";

function older(version: string, least: string): boolean {
  const [one, other] = [version, least].map((text) => text.split(".").map(Number));
  for (let place = 0; place < 3; place += 1) {
    const difference = (one?.[place] ?? 0) - (other?.[place] ?? 0);
    if (difference) return difference < 0;
  }
  return false;
}

export class DeviceCheck extends HTMLElement {
  connectedCallback(): void {
    const form = formOf(this);
    if (!form) return;
    fill(form, "device_id", deviceId());
    fill(form, "app_version", APP_VERSION);
    const fresh = !older(APP_VERSION, this.dataset["least"] || "0.0.0");
    this.#mark("version", APP_VERSION, fresh);
    const able = isSecureContext && "subtle" in crypto;
    this.#mark("crypto", word(able ? "device_yes" : "device_no"), able);
    const stores = "indexedDB" in globalThis;
    this.#mark("store", word(stores ? "device_yes" : "device_no"), stores);
    const status = this.querySelector("[role=status]");
    if (status) status.textContent = word(fresh && able && stores ? "device_ready" : "device_not_ready");
  }

  #mark(check: string, text: string, good: boolean): void {
    const item = this.querySelector<HTMLElement>(`[data-check=${check}]`);
    const value = item?.querySelector("strong");
    if (value) value.textContent = text;
    if (item) item.dataset["good"] = String(good);
  }
}
