/** When a journey has ended, its key stops being pending: kept for good, or thrown away. */
import { device } from "../device";
import { forget, pendingOf } from "./pending";
import { keepSeal } from "./seals";

export async function settle(): Promise<void> {
  const place = document.querySelector<HTMLElement>("[data-run-state]");
  const run = place?.dataset["run"] ?? "";
  const state = place?.dataset["runState"] ?? "";
  if (state === "done") keepSeal(place?.querySelector<SVGElement>(".stamping svg.seal") ?? null);
  const pending = pendingOf(run);
  if (!pending) return;
  if (state === "done") {
    await device().finish(pending.handle);
    await dropReplaced();
  } else if (["failed", "cancelled", "expired"].includes(state)) {
    await device().discard(pending.handle);
  } else {
    return;
  }
  forget(run);
}

/** A re-issued certificate takes the place of the revoked one, which would only mislead. */
async function dropReplaced(): Promise<void> {
  for (const product of ["joint", "bank"] as const) {
    const seen = new Set<string>();
    const newest = (await device().list(product)).sort(
      (one, other) => other.facts.notBefore.getTime() - one.facts.notBefore.getTime(),
    );
    for (const held of newest) {
      const name = `${held.facts.issuerText}|${held.facts.subjectText}`;
      if (seen.has(name)) await device().remove(held.id);
      seen.add(name);
    }
  }
}
