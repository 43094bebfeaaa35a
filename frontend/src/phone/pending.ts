/** Which key on this device belongs to which journey, until its certificate is stored. Nothing here is secret. */
export interface Pending {
  handle: string;
  /** PKCS #10, base64. */
  csr: string;
}

const KEY = "dojang.pending.";

export function remember(run: string, pending: Pending): void {
  localStorage.setItem(KEY + run, JSON.stringify(pending));
}

export function pendingOf(run: string): Pending | null {
  try {
    return JSON.parse(localStorage.getItem(KEY + run) ?? "null") as Pending | null;
  } catch {
    return null;
  }
}

export function forget(run: string): void {
  localStorage.removeItem(KEY + run);
}
