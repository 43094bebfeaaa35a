/**
 * Certificates and keys on this device: everything the app needs, and nothing else.
 *
 * `device()` is the one of this browser (IndexedDB). Octets are `Uint8Array`s; what goes to the centre as text is
 * base64 (`toBase64`). Everything fails with `DeviceError`, whose `code` is that of the sentence `error.<code>`.
 */
import { Device } from "./device";
import { browserShelf } from "./store";

export { fromBase64, toBase64, type Bytes } from "./bytes";
export { type CertificateFacts, readCertificate } from "./certificate";
export type { SignOptions } from "./cms";
export { Device, type Held, idOf, type MadePasswordKey, type MadeKey, type OpenedKey, type PatternProof, type Target } from "./device";
export { type DeviceCode, DeviceError } from "./errors";
export { folderOf } from "./folder";
export { ITERATIONS, type KeyForm, type SealOptions } from "./keyfile";
export { type About, MAX_PASSWORD, MIN_PASSWORD, passwordFaults, type PasswordRule } from "./passwords";
export { MIN_POINTS, patternFaults, type PatternRule } from "./pattern";
export type { PfxForm } from "./pfx";
export { BY_PASSWORD, BY_PATTERN, browserShelf, memoryShelf, type Shelf } from "./store";

let shared: Device | null = null;

/** The device of this browser. */
export function device(): Device {
  shared ??= new Device(browserShelf());
  return shared;
}

/** Asks the browser not to throw the certificates away when space is short. */
export async function keepForGood(): Promise<boolean> {
  return "storage" in navigator && "persist" in navigator.storage ? navigator.storage.persist() : false;
}
