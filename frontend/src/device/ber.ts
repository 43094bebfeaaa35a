/**
 * Files of others, made plain: BER (ITU-T X.690 §8) brought into DER's form, line ends and armour taken off.
 *
 * NSS and Java write PKCS #12 with lengths left open and octet strings in pieces; editors append a line end. The
 * reader of `der.ts` stays strict: what people bring is brought into its form first.
 */
import { type Bytes, concat, fromBase64, own } from "./bytes";
import * as der from "./der";
import { damaged, DeviceError } from "./errors";

const DEEPEST = 24;
const CONSTRUCTED = 0x20;
const OCTETS_IN_PIECES = der.OCTET_STRING | CONSTRUCTED;
const LINE_ENDS: ReadonlySet<number> = new Set([0x0a, 0x0d, 0x1a]);
const ARMOUR = /^\s*-----BEGIN [A-Z0-9 ]+-----([A-Za-z0-9+/=\s]+)-----END [A-Z0-9 ]+-----\s*$/;

/** One DER or BER element without the line ends behind it; PEM is decoded. Anything else comes back as it is. */
export function plainFile(data: Uint8Array): Bytes {
  const text = data[0] === der.SEQUENCE || data.length > 100_000 ? "" : new TextDecoder().decode(data);
  const armoured = ARMOUR.exec(text)?.[1];
  try {
    if (armoured !== undefined) return fromBase64(armoured.replace(/\s/g, ""));
    const end = endOf(data, 0, data.length, 0);
    if (data.subarray(end).every((octet) => LINE_ENDS.has(octet))) return own(data.subarray(0, end));
  } catch (error) {
    if (!(error instanceof DeviceError) && !(error instanceof DOMException)) throw error;
  }
  return own(data);
}

/** Brings one BER element into DER's form; the content of octet strings is not looked into. Throws `file_damaged`. */
export function toDer(data: Uint8Array, limit: number): Bytes {
  if (data.length > limit) throw damaged("too large");
  const [made, end] = convert(data, 0, data.length, 0);
  if (end !== data.length) throw damaged("octets behind the end of the value");
  return made;
}

/** Content of an octet string that came in pieces. */
export function joined(pieces: Uint8Array): Bytes {
  const reader = new der.Reader(pieces);
  const found: Bytes[] = [];
  while (reader.more) found.push(reader.octets());
  return concat(...found);
}

/** Tag, where the content begins, and its length (null: open). */
function headOf(data: Uint8Array, at: number, end: number): [number, number, number | null] {
  if (at + 2 > end) throw damaged("the value ends too early");
  const tag = data[at] ?? 0;
  let length = data[at + 1] ?? 0;
  let start = at + 2;
  if ((tag & 0x1f) === 0x1f) throw damaged("a tag number above 30");
  if (length === 0x80) {
    if (!(tag & CONSTRUCTED)) throw damaged("a value without parts and without a length");
    return [tag, start, null];
  }
  if (length > 0x80) {
    const size = length - 0x80;
    if (start + size > end) throw damaged("the value ends too early");
    length = 0;
    for (let place = 0; place < size; place += 1) length = length * 256 + (data[start + place] ?? 0);
    start += size;
  }
  if (start + length > end) throw damaged("an element reaches beyond its parent");
  return [tag, start, length];
}

function isEnd(data: Uint8Array, at: number, end: number): boolean {
  return at + 2 <= end && data[at] === 0 && data[at + 1] === 0;
}

function endOf(data: Uint8Array, from: number, end: number, depth: number): number {
  if (depth > DEEPEST) throw damaged("parts within parts without end");
  const [, start, length] = headOf(data, from, end);
  if (length !== null) return start + length;
  let at = start;
  while (!isEnd(data, at, end)) at = endOf(data, at, end, depth + 1);
  return at + 2;
}

function convert(data: Uint8Array, from: number, end: number, depth: number): [Bytes, number] {
  if (depth > DEEPEST) throw damaged("parts within parts without end");
  const [tag, start, length] = headOf(data, from, end);
  if (length !== null && !(tag & CONSTRUCTED)) return [der.tlv(tag, data.subarray(start, start + length)), start + length];
  const last = length === null ? end : start + length;
  const parts: Bytes[] = [];
  let at = start;
  while (length === null ? !isEnd(data, at, last) : at < last) {
    const [part, next] = convert(data, at, last, depth + 1);
    parts.push(part);
    at = next;
  }
  if (length === null) at += 2;
  const content = concat(...parts);
  return [tag === OCTETS_IN_PIECES ? der.octetString(joined(content)) : der.tlv(tag, content), at];
}
