/**
 * `<live-wait data-url data-poll data-state data-step data-revision data-told>`: asks the server how the call or the
 * reply stands and shows it. The server decides everything; when the page itself has changed, it is loaded again, but
 * never while an answer is being sent.
 */
import { sending } from "./once";

interface Live {
  step: string;
  revision: number;
  state: string;
  told: string;
  serverTime?: string;
  wait: { state: string; text: string; until: string; over: boolean; good: boolean; stations: string[] } | null;
}

const SLOWEST = 10_000;

export class LiveWait extends HTMLElement {
  #tag = "";
  #timer = 0;
  #delay = 1000;
  #asking = false;

  connectedCallback(): void {
    if ("over" in this.dataset) return;
    this.#delay = Math.max(500, Number(this.dataset["poll"]) || 1000);
    this.#later(this.#delay);
    document.addEventListener("visibilitychange", this.#seen);
  }

  disconnectedCallback(): void {
    this.#stop();
  }

  #seen = (): void => {
    if (!document.hidden) this.#later(0);
  };

  #stop(): void {
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#seen);
  }

  #later(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#ask(), delay);
  }

  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    let delay = this.#delay;
    try {
      const headers: Record<string, string> = this.#tag ? { "If-None-Match": this.#tag } : {};
      const answer = await fetch(this.dataset["url"] ?? "", { headers, cache: "no-store", credentials: "same-origin" });
      if (answer.status === 200) {
        this.#tag = answer.headers.get("ETag") ?? "";
        if (this.#show((await answer.json()) as Live)) return;
      } else if (answer.status === 404 || answer.status === 410) {
        if (!sending()) {
          location.reload();
          return;
        }
      } else if (answer.status !== 304) {
        delay = Math.min(delay * 4, SLOWEST);
      }
    } catch {
      delay = Math.min(delay * 4, SLOWEST); // no network for the moment
    } finally {
      this.#asking = false;
    }
    this.#later(delay);
  }

  /** Shows what came; returns whether waiting is over. */
  #show(live: Live): boolean {
    const mine = this.dataset;
    const was = mine["run"] ?? (mine["state"] === "issuing" ? "issuing" : "open");
    const ended = live.state !== was && live.state !== "locked";
    const news = live.told !== (mine["told"] ?? "");
    if (live.step !== mine["step"] || ended || !live.wait || live.wait.over || news) {
      if (sending()) return false; // the answer on its way brings its own page; loading now would break it off
      this.#stop();
      if (live.step !== mine["step"]) location.replace(location.pathname);
      else location.reload();
      return true;
    }
    if (mine["state"] === "issuing") return false;
    document.querySelectorAll<HTMLInputElement>("input[name=revision]").forEach((input) => {
      input.value = String(live.revision);
    });
    const status = this.querySelector<HTMLElement>("[role=status]");
    if (status && status.textContent !== live.wait.text) status.textContent = live.wait.text;
    this.querySelectorAll<HTMLElement>(".wait__track li").forEach((item, index) => {
      item.dataset["state"] = live.wait?.stations[index] ?? "next";
    });
    const clock = this.querySelector<HTMLElement>("count-down");
    if (clock && live.serverTime && clock.dataset["until"] !== live.wait.until) {
      clock.dataset["now"] = live.serverTime;
      clock.dataset["until"] = live.wait.until;
    }
    if (live.wait.good) {
      clock?.parentElement?.setAttribute("hidden", "");
      this.#stop();
      return true;
    }
    return false;
  }
}
