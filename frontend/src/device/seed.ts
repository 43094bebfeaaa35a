/**
 * The block cipher SEED (RFC 4269), with CBC mode and PKCS #7 padding.
 *
 * The two S-boxes are computed rather than typed in: S1(x) = A1·x^247 + 169 and S2(x) = A2·x^251 + 56 over GF(2^8)
 * modulo x^8+x^6+x^5+x+1 (RFC 4269 §2.2 names the polynomial and the exponents). The published vectors are the judge.
 */
import { type Bytes, concat } from "./bytes";
import { damaged } from "./errors";

export const BLOCK = 16;

/** Rows of the matrices, first row for the highest bit; highest bit of a row for the highest bit of x. */
const A1 = [0x8a, 0xfe, 0x85, 0x42, 0x45, 0x21, 0x88, 0x14];
const A2 = [0x45, 0x85, 0xfe, 0x21, 0x8a, 0x88, 0x42, 0x14];

function times(one: number, other: number): number {
  let product = 0;
  for (let left = one, right = other; right; right >>= 1, left = left & 0x80 ? (left << 1) ^ 0x163 : left << 1) {
    if (right & 1) product ^= left;
  }
  return product;
}

function parity(octet: number): number {
  let bits = octet;
  bits ^= bits >> 4;
  bits ^= bits >> 2;
  return (bits ^ (bits >> 1)) & 1;
}

function box(rows: readonly number[], exponent: number, added: number): number[] {
  return Array.from({ length: 256 }, (_, x) => {
    let power = 1;
    for (let bit = 7; bit >= 0; bit -= 1) {
      power = times(power, power);
      if ((exponent >> bit) & 1) power = times(power, x);
    }
    return rows.reduce((sum, row, place) => sum | (parity(row & power) << (7 - place)), 0) ^ added;
  });
}

/** S-boxes and the masks behind them in one look-up for each octet of G's argument (RFC 4269 §2.2). */
const [G0, G1, G2, G3] = ((): [Uint32Array, Uint32Array, Uint32Array, Uint32Array] => {
  const masks = [0xfc, 0xf3, 0xcf, 0x3f];
  const one = box(A1, 247, 169);
  const two = box(A2, 251, 56);
  const table = (source: readonly number[], shift: number): Uint32Array =>
    Uint32Array.from(source, (y) =>
      [0, 1, 2, 3].reduce((sum, octet) => sum | ((y & (masks[(octet + shift) % 4] ?? 0)) << (8 * octet)), 0),
    );
  return [table(one, 0), table(two, 1), table(one, 2), table(two, 3)];
})();

function g(x: number): number {
  return (G0[x & 255] ?? 0) ^ (G1[(x >>> 8) & 255] ?? 0) ^ (G2[(x >>> 16) & 255] ?? 0) ^ (G3[x >>> 24] ?? 0);
}

/** The 32 round keys of a key of 16 octets (RFC 4269 §2.3). */
function schedule(key: Uint8Array): Int32Array {
  const view = new DataView(key.buffer, key.byteOffset, BLOCK);
  let [a, b, c, d] = [view.getInt32(0), view.getInt32(4), view.getInt32(8), view.getInt32(12)];
  const keys = new Int32Array(32);
  let constant = 0x9e3779b9 | 0;
  for (let round = 0; round < 16; round += 1) {
    keys[2 * round] = g((a + c - constant) | 0);
    keys[2 * round + 1] = g((b - d + constant) | 0);
    if (round % 2 === 0) [a, b] = [(a >>> 8) | (b << 24), (b >>> 8) | (a << 24)];
    else [c, d] = [(c << 8) | (d >>> 24), (d << 8) | (c >>> 24)];
    constant = (constant << 1) | (constant >>> 31);
  }
  return keys;
}

/** One block, in place; round keys are taken backwards to decrypt. */
function crypt(view: DataView, at: number, keys: Int32Array, backwards: boolean): void {
  let [l0, l1, r0, r1] = [view.getInt32(at), view.getInt32(at + 4), view.getInt32(at + 8), view.getInt32(at + 12)];
  for (let round = 0; round < 16; round += 1) {
    const place = 2 * (backwards ? 15 - round : round);
    const c = r0 ^ (keys[place] ?? 0);
    const first = g(c ^ r1 ^ (keys[place + 1] ?? 0));
    const second = g((first + c) | 0);
    const third = g((second + first) | 0);
    [l0, l1, r0, r1] = [r0, r1, l0 ^ ((third + second) | 0), l1 ^ third];
  }
  view.setInt32(at, r0);
  view.setInt32(at + 4, r1);
  view.setInt32(at + 8, l0);
  view.setInt32(at + 12, l1);
}

function checked(key: Uint8Array, iv: Uint8Array): void {
  if (key.length !== BLOCK || iv.length !== BLOCK) throw new RangeError("SEED takes keys and vectors of 16 octets");
}

/** One block of 16 octets under a key of 16. */
export function encryptBlock(key: Uint8Array, block: Uint8Array): Bytes {
  checked(key, block);
  const out = new Uint8Array(block);
  crypt(new DataView(out.buffer), 0, schedule(key), false);
  return out;
}

export function decryptBlock(key: Uint8Array, block: Uint8Array): Bytes {
  checked(key, block);
  const out = new Uint8Array(block);
  crypt(new DataView(out.buffer), 0, schedule(key), true);
  return out;
}

/** CBC with PKCS #7 padding. */
export function encryptCbc(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Bytes {
  checked(key, iv);
  const keys = schedule(key);
  const out = pad(plain, BLOCK);
  const view = new DataView(out.buffer);
  let before = iv;
  for (let at = 0; at < out.length; at += BLOCK) {
    for (let n = 0; n < BLOCK; n += 1) out[at + n] = (out[at + n] ?? 0) ^ (before[n] ?? 0);
    crypt(view, at, keys, false);
    before = out.subarray(at, at + BLOCK);
  }
  return out;
}

/** Undoes `encryptCbc`; null when the padding is wrong, which nearly always means a wrong key. */
export function decryptCbc(key: Uint8Array, iv: Uint8Array, cipher: Uint8Array): Bytes | null {
  checked(key, iv);
  if (!cipher.length || cipher.length % BLOCK) throw damaged("not whole blocks");
  const keys = schedule(key);
  const out = new Uint8Array(cipher);
  const view = new DataView(out.buffer);
  for (let at = 0; at < out.length; at += BLOCK) {
    crypt(view, at, keys, true);
    const before = at ? cipher.subarray(at - BLOCK, at) : iv;
    for (let n = 0; n < BLOCK; n += 1) out[at + n] = (out[at + n] ?? 0) ^ (before[n] ?? 0);
  }
  return unpad(out, BLOCK);
}

/** PKCS #7 padding up to whole blocks of `size`. */
export function pad(plain: Uint8Array, size: number): Bytes {
  const fill = size - (plain.length % size);
  return concat(plain, new Uint8Array(fill).fill(fill));
}

export function unpad(padded: Bytes, size: number): Bytes | null {
  const fill = padded[padded.length - 1] ?? 0;
  if (fill < 1 || fill > size || fill > padded.length) return null;
  if (padded.subarray(-fill).some((octet) => octet !== fill)) return null;
  return padded.slice(0, -fill);
}
