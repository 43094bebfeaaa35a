/**
 * SHA-1 and SHA-256 (FIPS 180-4), synchronous: the derivations of old files hash thousands of times in a row, for
 * which the promises of WebCrypto are far too slow. For signatures WebCrypto is used.
 */
import type { Bytes } from "./bytes";

export type HashName = "sha1" | "sha256";
export type Hash = (data: Uint8Array) => Bytes;

const K256 = Uint32Array.from({ length: 64 }, (_, place) => fraction(Math.cbrt(prime(place))));
const H256 = Uint32Array.from({ length: 8 }, (_, place) => fraction(Math.sqrt(prime(place))));

function prime(place: number): number {
  let found = 1;
  for (let left = place + 1; left > 0; ) {
    found += 1;
    let divisor = 2;
    while (divisor * divisor <= found && found % divisor) divisor += 1;
    if (divisor * divisor > found) left -= 1;
  }
  return found;
}

/** The first 32 bits of the fractional part. */
function fraction(value: number): number {
  return Math.floor((value - Math.floor(value)) * 2 ** 32);
}

/** The message with its padding, as words. */
function words(data: Uint8Array): Int32Array {
  const blocks = (data.length + 72) >> 6;
  const view = new DataView(new ArrayBuffer(blocks * 64));
  new Uint8Array(view.buffer).set(data);
  view.setUint8(data.length, 0x80);
  view.setUint32(blocks * 64 - 8, Math.floor(data.length / 2 ** 29));
  view.setUint32(blocks * 64 - 4, data.length << 3);
  return Int32Array.from({ length: blocks * 16 }, (_, place) => view.getInt32(4 * place));
}

function octets(state: ArrayLike<number>): Bytes {
  const view = new DataView(new ArrayBuffer(state.length * 4));
  for (let place = 0; place < state.length; place += 1) view.setInt32(4 * place, state[place] ?? 0);
  return new Uint8Array(view.buffer);
}

export function sha1(data: Uint8Array): Bytes {
  const message = words(data);
  const w = new Int32Array(80);
  const state = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]);
  for (let block = 0; block < message.length; block += 16) {
    let [a = 0, b = 0, c = 0, d = 0, e = 0] = state;
    for (let t = 0; t < 80; t += 1) {
      const mixed = (w[t - 3] ?? 0) ^ (w[t - 8] ?? 0) ^ (w[t - 14] ?? 0) ^ (w[t - 16] ?? 0);
      w[t] = t < 16 ? (message[block + t] ?? 0) : (mixed << 1) | (mixed >>> 31);
      let f = 0;
      if (t < 20) f = ((b & c) | (~b & d)) + 0x5a827999;
      else if (t < 40) f = (b ^ c ^ d) + 0x6ed9eba1;
      else if (t < 60) f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
      else f = (b ^ c ^ d) + 0xca62c1d6;
      const next = (((a << 5) | (a >>> 27)) + f + e + (w[t] ?? 0)) | 0;
      [a, b, c, d, e] = [next, a, (b << 30) | (b >>> 2), c, d];
    }
    [a, b, c, d, e].forEach((value, place) => (state[place] = (state[place] ?? 0) + value));
  }
  return octets(state);
}

export function sha256(data: Uint8Array): Bytes {
  const message = words(data);
  const w = new Int32Array(64);
  const state = new Int32Array(H256);
  const right = (x: number, n: number): number => (x >>> n) | (x << (32 - n));
  for (let block = 0; block < message.length; block += 16) {
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
    for (let t = 0; t < 64; t += 1) {
      if (t < 16) w[t] = message[block + t] ?? 0;
      else {
        const [x, y] = [w[t - 15] ?? 0, w[t - 2] ?? 0];
        const [s0, s1] = [right(x, 7) ^ right(x, 18) ^ (x >>> 3), right(y, 17) ^ right(y, 19) ^ (y >>> 10)];
        w[t] = ((w[t - 16] ?? 0) + s0 + (w[t - 7] ?? 0) + s1) | 0;
      }
      const s1 = right(e, 6) ^ right(e, 11) ^ right(e, 25);
      const one = (h + s1 + ((e & f) ^ (~e & g)) + (K256[t] ?? 0) + (w[t] ?? 0)) | 0;
      const s0 = right(a, 2) ^ right(a, 13) ^ right(a, 22);
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [a, b, c, d, e, f, g, h] = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
    }
    [a, b, c, d, e, f, g, h].forEach((value, place) => (state[place] = (state[place] ?? 0) + value));
  }
  return octets(state);
}

export const HASHES: Readonly<Record<HashName, Hash>> = { sha1, sha256 };
