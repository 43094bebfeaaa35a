/** Installing, updating, and what the app knows about itself. */
import { keepForGood } from "../device";
import { word } from "../words";
import { APP_VERSION } from "./identity";

interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

let offered: InstallPrompt | null = null;
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  offered = event as InstallPrompt;
  document.querySelectorAll<HTMLElement>("install-app").forEach((place) => (place.hidden = false));
});
addEventListener("appinstalled", () => {
  document.querySelectorAll<HTMLElement>("install-app").forEach((place) => (place.hidden = true));
});

/** `<install-app>`: shown when the browser offers to put the app on the home screen. */
export class InstallApp extends HTMLElement {
  connectedCallback(): void {
    this.querySelector("button")?.addEventListener("click", () => void offered?.prompt());
  }
}

/** `<update-app>`: throws the kept files away and loads the newest app. */
export class UpdateApp extends HTMLElement {
  connectedCallback(): void {
    this.querySelector("button")?.addEventListener("click", () => void this.#update());
  }

  async #update(): Promise<void> {
    for (const name of await caches.keys()) await caches.delete(name);
    const worker = await navigator.serviceWorker.getRegistration("/app/");
    await worker?.update().catch(() => undefined);
    location.reload();
  }
}

/** `<app-facts>`: version, installed or not, whether the browser promises to keep what is stored. */
export class AppFacts extends HTMLElement {
  connectedCallback(): void {
    const write = (name: string, text: string): void => {
      const place = this.querySelector(`[data-${name}]`);
      if (place) place.textContent = text;
    };
    write("version", APP_VERSION);
    write("installed", word(matchMedia("(display-mode: standalone)").matches ? "about_yes" : "about_no"));
    void keepForGood().then(
      (kept) => write("kept", word(kept ? "about_kept" : "about_not_kept")),
      () => write("kept", word("about_not_kept")),
    );
  }
}

/** The service worker serves the shell when there is no network, and shows what is pushed. */
export function serveOffline(): void {
  if ("serviceWorker" in navigator && isSecureContext) {
    void navigator.serviceWorker.register("/app/worker.js", { scope: "/app/" }).catch(() => undefined);
  }
}
