/**
 * The seal is drawn by the centre once, when a certificate is issued; the device keeps the drawing, so that it is there
 * without a network and no name has to be sent to have it drawn again.
 */
const KEY = "dojang.seals";
const MOST = 20;

function all(): Record<string, string> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, string>;
  } catch {
    return {};
  }
}

/** Keeps the drawing on the page under the holder's name, which the page says beside it. */
export function keepSeal(drawing: SVGElement | null): void {
  const name = drawing?.closest<HTMLElement>("[data-holder]")?.dataset["holder"] ?? "";
  if (!drawing || !name) return;
  const copy = drawing.cloneNode(true) as SVGElement;
  copy.removeAttribute("role");
  copy.removeAttribute("aria-label");
  copy.setAttribute("aria-hidden", "true");
  const kept = Object.entries({ ...all(), [name]: copy.outerHTML }).slice(-MOST);
  localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(kept)));
}

/** The drawing for a name, or a blank stamp. */
export function sealOf(name: string): Element {
  const drawing = all()[name];
  const parsed = drawing ? new DOMParser().parseFromString(drawing, "image/svg+xml").documentElement : null;
  if (parsed?.localName === "svg" && !parsed.querySelector("script, foreignObject")) return document.importNode(parsed, true);
  const blank = document.createElement("span");
  blank.className = "blank-seal";
  blank.textContent = [...name][0] ?? "";
  blank.setAttribute("aria-hidden", "true");
  return blank;
}

/** The person's name out of a common name such as `홍길동(0999…)`. */
export function holderOf(commonName: string): string {
  return (commonName.split("(")[0] ?? "").trim();
}
