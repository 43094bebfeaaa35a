/**
 * Passwords as octets, and the rules for new ones.
 *
 * Files hold no hint of how a password was turned into octets. Every tool agrees on ASCII; Korean tools use CP949 for
 * the rest. New passwords are therefore printable ASCII only.
 */
import type { Bytes } from "./bytes";
import { DeviceError } from "./errors";

let table: Map<string, number> | null = null;

/** CP949 by turning the browser's decoder round: the encoder is not offered to scripts. */
function cp949(): Map<string, number> {
  if (table) return table;
  table = new Map();
  const decoder = new TextDecoder("euc-kr");
  for (let lead = 0x81; lead <= 0xfe; lead += 1) {
    for (let trail = 0x41; trail <= 0xfe; trail += 1) {
      const text = decoder.decode(new Uint8Array([lead, trail]));
      if (text.length === 1 && text !== "\ufffd" && !table.has(text)) table.set(text, (lead << 8) | trail);
    }
  }
  return table;
}

/** Octets of a typed password: ASCII as it is, other characters in CP949. `wrong_password` for what CP949 lacks. */
export function passwordBytes(password: string): Bytes {
  const octets: number[] = [];
  for (const letter of password.normalize("NFC")) {
    const code = letter.codePointAt(0) ?? 0;
    if (code < 0x80) octets.push(code);
    else {
      const pair = cp949().get(letter);
      if (pair === undefined) throw new DeviceError("wrong_password", "a character no certificate password has");
      octets.push(pair >> 8, pair & 0xff);
    }
  }
  return new Uint8Array(octets);
}

/** What a password must not repeat. Empty or absent values are left out of the comparison. */
export interface About {
  readonly id?: string;
  /** YYYYMMDD, with or without separators. */
  readonly birth?: string;
  readonly phone?: string;
}

export type PasswordRule = "length" | "long" | "characters" | "classes" | "run" | "personal";

export const MIN_PASSWORD = 10;
export const MAX_PASSWORD = 64;

/**
 * Rules a new password breaks; none means it is good.
 *
 * `length`: fewer than 10 characters; `long`: more than 64; `characters`: not printable ASCII without spaces;
 * `classes`: not letters, digits and signs all three; `run`: three alike, or three following each other upwards or
 * downwards (letters and digits); `personal`: holds the ID, the birth date (8, 6 or its last 4 digits) or the
 * telephone number (whole, or its last 4 digits).
 */
export function passwordFaults(password: string, about: About = {}): PasswordRule[] {
  const faults: PasswordRule[] = [];
  if (password.length < MIN_PASSWORD) faults.push("length");
  if (password.length > MAX_PASSWORD) faults.push("long");
  if (!/^[\x21-\x7e]*$/.test(password)) faults.push("characters");
  if (![/[A-Za-z]/, /[0-9]/, /[^A-Za-z0-9]/].every((kind) => kind.test(password))) faults.push("classes");
  if (hasRun(password)) faults.push("run");
  if (isPersonal(password, about)) faults.push("personal");
  return faults;
}

function hasRun(password: string): boolean {
  const low = password.toLowerCase();
  for (let at = 0; at + 2 < low.length; at += 1) {
    const [one, two, three] = [low.charCodeAt(at), low.charCodeAt(at + 1), low.charCodeAt(at + 2)];
    if (one === two && two === three) return true;
    const step = two - one;
    if (Math.abs(step) === 1 && three - two === step && /^([a-z]{3}|[0-9]{3})$/.test(low.slice(at, at + 3))) return true;
  }
  return false;
}

function isPersonal(password: string, about: About): boolean {
  const low = password.toLowerCase();
  const birth = (about.birth ?? "").replace(/\D/g, "");
  const phone = (about.phone ?? "").replace(/\D/g, "");
  const id = (about.id ?? "").toLowerCase();
  const parts = [id.length >= 3 ? id : "", birth, birth.slice(-6), birth.slice(-4), phone, phone.slice(-4)];
  return parts.some((part) => part.length >= 3 && low.includes(part));
}

/** Throws `password_weak` with the rules broken. */
export function requireGoodPassword(password: string, about: About = {}): void {
  const faults = passwordFaults(password, about);
  if (faults.length) throw new DeviceError("password_weak", "", faults);
}
