/**
 * The pattern of a certificate. There are only some 390,000 patterns, so no key is derived from one alone: it goes
 * through a key of this device that nobody can read out, and the centre counts wrong tries.
 *
 * Dots of the 3 × 3 grid are numbered 0 to 8, row by row; a pattern is written as its digits, such as "0124678".
 *
 *     mixed    = HMAC-SHA256(device's pattern key, "dojang pattern 1\0" ‖ digits)
 *     proofKey = HKDF-SHA256(mixed, no salt, "dojang pattern proof", 32 octets)
 *     proof    = HMAC-SHA256(proofKey, challenge)
 */
import { type Bytes, concat } from "./bytes";
import { DeviceError } from "./errors";

export const MIN_POINTS = 4;
const HMAC = { name: "HMAC", hash: "SHA-256" };
const text = (words: string): Bytes => new TextEncoder().encode(words);

export type PatternRule = "points" | "dots" | "twice" | "line";

/**
 * Rules a new pattern breaks. `points`: too few; `dots`: not dots of the grid; `twice`: a dot used twice; `line`: all
 * dots in the order of their numbers, upwards or downwards.
 */
export function patternFaults(pattern: string, least = MIN_POINTS): PatternRule[] {
  const dots = [...pattern].map(Number);
  const faults: PatternRule[] = [];
  if (dots.length < least) faults.push("points");
  if (!/^[0-8]*$/.test(pattern)) faults.push("dots");
  if (new Set(dots).size !== dots.length) faults.push("twice");
  const steps = dots.slice(1).map((dot, at) => dot - (dots[at] ?? 0));
  if (steps.length && steps.every((step) => step === 1 || step === -1) && new Set(steps).size === 1) faults.push("line");
  return faults;
}

export function requireGoodPattern(pattern: string, least = MIN_POINTS): void {
  const faults = patternFaults(pattern, least);
  if (faults.length) throw new DeviceError("pattern_weak", "", faults);
}

export async function newPatternKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ ...HMAC, length: 256 }, false, ["sign"]);
}

/** What the centre keeps, sealed, to check proofs with. */
export async function proofKey(patternKey: CryptoKey, pattern: string): Promise<Bytes> {
  const mixed = await crypto.subtle.sign("HMAC", patternKey, concat(text("dojang pattern 1\0"), text(pattern)));
  const base = await crypto.subtle.importKey("raw", mixed, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: text("dojang pattern proof") };
  return new Uint8Array(await crypto.subtle.deriveBits(how, base, 256));
}

export async function proofOf(patternKey: CryptoKey, pattern: string, challenge: Uint8Array): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", await proofKey(patternKey, pattern), HMAC, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, new Uint8Array(challenge)));
}
