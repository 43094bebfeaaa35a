/**
 * Triple DES (FIPS 46-3) and RC2 (RFC 2268) in CBC mode with PKCS #7 padding: what PKCS #12 files of Korean tools and
 * of older systems are encrypted with, and what no browser offers. For reading such files and for exporting to them.
 */
import { type Bytes, concat, fromHex } from "./bytes";
import { damaged } from "./errors";
import { pad, unpad } from "./seed";

const SIZE = 8;
type Block = (view: DataView, at: number) => void;

function cbcEncrypt(block: Block, iv: Uint8Array, plain: Uint8Array): Bytes {
  const out = pad(plain, SIZE);
  const view = new DataView(out.buffer);
  for (let at = 0; at < out.length; at += SIZE) {
    const before = at ? out.subarray(at - SIZE, at) : iv;
    for (let n = 0; n < SIZE; n += 1) out[at + n] = (out[at + n] ?? 0) ^ (before[n] ?? 0);
    block(view, at);
  }
  return out;
}

function cbcDecrypt(block: Block, iv: Uint8Array, cipher: Uint8Array): Bytes | null {
  if (!cipher.length || cipher.length % SIZE) throw damaged("not whole blocks");
  const out = new Uint8Array(cipher);
  const view = new DataView(out.buffer);
  for (let at = 0; at < out.length; at += SIZE) {
    block(view, at);
    const before = at ? cipher.subarray(at - SIZE, at) : iv;
    for (let n = 0; n < SIZE; n += 1) out[at + n] = (out[at + n] ?? 0) ^ (before[n] ?? 0);
  }
  return unpad(out, SIZE);
}

// --- DES -----------------------------------------------------------------------------------------------------------

/** The eight S-boxes, one hexadecimal digit for each entry, four rows of sixteen. */
const S = [
  "e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d",
  "f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9",
  "a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c",
  "7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e",
  "2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453",
  "c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d",
  "4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c",
  "d2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b",
];
const P = [16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10];
P.push(2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25);
const PC1 = [57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36];
PC1.push(63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4);
const PC2 = [14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2];
PC2.push(41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32);
/** Initial permutation: the eight columns of the block, even ones first, each from the bottom. */
const IP = [58, 60, 62, 64, 57, 59, 61, 63].flatMap((top) => [0, 1, 2, 3, 4, 5, 6, 7].map((row) => top - 8 * row));

/** S-boxes with the permutation P behind them: one word for each box and each six bits. */
const SP = S.map((digits) => digits).map((digits, number) =>
  Int32Array.from({ length: 64 }, (_, six) => {
    const place = 16 * (((six >> 4) & 2) | (six & 1)) + ((six >> 1) & 15);
    const word = (Number.parseInt(digits[place] ?? "0", 16) << (28 - 4 * number)) >>> 0;
    return P.reduce((sum, from, to) => sum | (((word >>> (32 - from)) & 1) << (31 - to)), 0);
  }),
);

function bitsOf(view: DataView, at: number): number[] {
  return Array.from({ length: 64 }, (_, bit) => (view.getUint8(at + (bit >> 3)) >> (7 - (bit & 7))) & 1);
}

/** Sixteen round keys, each as eight groups of six bits. */
function desKeys(key: Uint8Array): number[][] {
  const bits = bitsOf(new DataView(key.buffer, key.byteOffset), 0);
  let half = PC1.map((from) => bits[from - 1] ?? 0);
  return Array.from({ length: 16 }, (_, round) => {
    const shift = [0, 1, 8, 15].includes(round) ? 1 : 2;
    const [left, right] = [half.slice(0, 28), half.slice(28)];
    half = [left, right].flatMap((part) => [...part.slice(shift), ...part.slice(0, shift)]);
    const chosen = PC2.map((from) => half[from - 1] ?? 0);
    return Array.from({ length: 8 }, (_group, group) =>
      chosen.slice(6 * group, 6 * group + 6).reduce((sum, bit) => (sum << 1) | bit, 0),
    );
  });
}

function desRounds(left: number, right: number, keys: readonly (readonly number[])[]): [number, number] {
  let [l, r] = [left, right];
  for (const key of keys) {
    // E: each group of six is four bits with a neighbour on either side.
    const wide = (group: number): number => {
      const turn = (27 - 4 * group + 32) % 32;
      return turn === 0 ? r & 63 : ((r >>> turn) | (r << (32 - turn))) & 63;
    };
    let mixed = 0;
    for (let group = 0; group < 8; group += 1) mixed |= SP[group]?.[wide(group) ^ (key[group] ?? 0)] ?? 0;
    [l, r] = [r, l ^ mixed];
  }
  return [r, l];
}

/** EDE with the keys in the order used; `stages` are the round keys of the three. */
function desBlock(stages: readonly (readonly (readonly number[])[])[]): Block {
  return (view, at) => {
    const bits = bitsOf(view, at);
    const word = (from: number): number =>
      IP.slice(from, from + 32).reduce((sum, place) => (sum << 1) | (bits[place - 1] ?? 0), 0);
    let [l, r] = [word(0), word(32)];
    for (const keys of stages) [l, r] = desRounds(l, r, keys);
    const out = new Uint8Array(SIZE);
    IP.forEach((place, from) => {
      const bit = ((from < 32 ? l : r) >>> (31 - (from & 31))) & 1;
      out[(place - 1) >> 3] = (out[(place - 1) >> 3] ?? 0) | (bit << (7 - ((place - 1) & 7)));
    });
    new Uint8Array(view.buffer, view.byteOffset + at, SIZE).set(out);
  };
}

function tripleKeys(key: Uint8Array): [number[][], number[][], number[][]] {
  const full = key.length === 16 ? concat(key, key.subarray(0, 8)) : key;
  if (full.length !== 24) throw new RangeError("triple DES takes keys of 16 or 24 octets");
  return [desKeys(full.slice(0, 8)), desKeys(full.slice(8, 16)), desKeys(full.slice(16, 24))];
}

export function tripleDesEncrypt(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Bytes {
  const [one, two, three] = tripleKeys(key);
  return cbcEncrypt(desBlock([one, two.reverse(), three]), iv, plain);
}

export function tripleDesDecrypt(key: Uint8Array, iv: Uint8Array, cipher: Uint8Array): Bytes | null {
  const [one, two, three] = tripleKeys(key);
  return cbcDecrypt(desBlock([three.reverse(), two, one.reverse()]), iv, cipher);
}

// --- RC2, decryption only ------------------------------------------------------------------------------------------

/** PITABLE (RFC 2268 §2). */
const PI = fromHex(
  "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32" +
    "bd8f40eb86b77b0bf09521225c6b4e8254d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626" +
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed708e8eade8052eef784aa72ac354d6a2a" +
    "961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731" +
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd2e" +
    "c5f3db47e5a59c770aa62068fe7fc1ad",
);

/** Undoes RC2-CBC; the effective key length is that of the key. */
export function rc2Decrypt(key: Uint8Array, iv: Uint8Array, cipher: Uint8Array): Bytes | null {
  const long = new Uint8Array(128);
  long.set(key);
  const pi = (place: number): number => PI[place & 255] ?? 0;
  for (let n = key.length; n < 128; n += 1) long[n] = pi((long[n - 1] ?? 0) + (long[n - key.length] ?? 0));
  long[128 - key.length] = pi(long[128 - key.length] ?? 0);
  for (let n = 127 - key.length; n >= 0; n -= 1) long[n] = pi((long[n + 1] ?? 0) ^ (long[n + key.length] ?? 0));
  const k = (place: number): number => (long[2 * place] ?? 0) | ((long[2 * place + 1] ?? 0) << 8);
  const turns = [1, 2, 3, 5];
  const block: Block = (view, at) => {
    const r = [0, 1, 2, 3].map((n) => view.getUint16(at + 2 * n, true));
    const of = (n: number): number => r[(n + 4) % 4] ?? 0;
    let place = 63;
    for (let round = 15; round >= 0; round -= 1) {
      for (let n = 3; n >= 0; n -= 1) {
        const turn = turns[n] ?? 0;
        const turned = ((of(n) >>> turn) | (of(n) << (16 - turn))) & 0xffff;
        r[n] = (turned - k(place) - (of(n - 1) & of(n - 2)) - (~of(n - 1) & of(n - 3))) & 0xffff;
        place -= 1;
      }
      if (round === 11 || round === 5) for (let n = 3; n >= 0; n -= 1) r[n] = (of(n) - k(of(n - 1) & 63)) & 0xffff;
    }
    r.forEach((value, n) => view.setUint16(at + 2 * n, value, true));
  };
  return cbcDecrypt(block, iv, cipher);
}
