/** Who this device says it is: an id of 128 random bits, and the version of the app. Neither proves anything. */
export const APP_VERSION = "1.0.0";
const KEY = "dojang.device";
const YEAR = 31_536_000;

function made(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The id of this device, made at the first call. */
export function deviceId(): string {
  let id = localStorage.getItem(KEY) ?? "";
  if (!/^[A-Za-z0-9_-]{16,64}$/.test(id)) {
    id = made();
    localStorage.setItem(KEY, id);
  }
  return id;
}

/** Lets the server know which device asks, so that it can show what waits for it. */
export function introduce(): void {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const rest = `; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
  document.cookie = `dojang_device=${deviceId()}${rest}`;
  document.cookie = `dojang_app=${APP_VERSION}${rest}`;
}
