/** When a journey has ended, its key stops being pending: kept for good, or thrown away. */
import { device } from "../device";
import { forget, pendingOf } from "./pending";
import { keepSeal } from "./seals";

export async function settle(): Promise<void> {
  const place = document.querySelector<HTMLElement>("[data-run-state]");
  await end(place);
  if (place) place.dataset["settled"] = "";
}

async function end(place: HTMLElement | null): Promise<void> {
  const run = place?.dataset["run"] ?? "";
  const state = place?.dataset["runState"] ?? "";
  if (state === "done") keepSeal(place?.querySelector<SVGElement>(".stamping svg.seal") ?? null);
  const pending = pendingOf(run);
  if (!pending) return;
  if (state === "done" || state === "waiting") {
    // What waits is stored for good; the certificate it will replace is another device's, and lives until then.
    await device().finish(pending.handle);
    await dropReplaced((place?.dataset["replaced"] ?? "").replaceAll(" ", ""));
  } else if (["failed", "cancelled", "expired"].includes(state)) {
    await device().discard(pending.handle);
  } else {
    return;
  }
  forget(run);
}

/** The certificate that was revoked for the new one goes away too: it would only mislead. */
async function dropReplaced(serial: string): Promise<void> {
  if (!serial) return;
  for (const held of await device().list()) if (held.facts.serialHex === serial) await device().remove(held.id);
}
