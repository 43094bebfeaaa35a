/**
 * Distinguished Encoding Rules (ITU-T X.690 §8, §10): a small writer and a strict reader.
 *
 * The reader takes only definite, minimal lengths and low tag numbers, never recurses, and throws `file_damaged`.
 */
import { type Bytes, concat, own } from "./bytes";
import { damaged } from "./errors";

export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const NULL = 0x05;
export const OID = 0x06;
export const UTF8 = 0x0c;
export const PRINTABLE = 0x13;
export const T61 = 0x14;
export const BMP = 0x1e;
export const SEQUENCE = 0x30;
export const SET = 0x31;

export const NULL_VALUE: Bytes = new Uint8Array([NULL, 0]);

// --- writing -------------------------------------------------------------------------------------------------------

/** One complete element. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | octets.length, ...octets];
  return concat(new Uint8Array(head), ...parts);
}

export function sequence(...parts: readonly Uint8Array[]): Bytes {
  return tlv(SEQUENCE, ...parts);
}

/** SET OF, sorted as DER wants it (X.690 §11.6). */
export function setOf(...parts: readonly Uint8Array[]): Bytes {
  return tlv(SET, ...[...parts].sort(compare));
}

function compare(one: Uint8Array, other: Uint8Array): number {
  for (let at = 0; at < Math.min(one.length, other.length); at += 1) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0);
    if (difference) return difference;
  }
  return one.length - other.length;
}

/** INTEGER of a number that is not negative and safe. */
export function integer(value: number): Bytes {
  const octets: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return unsigned(new Uint8Array(octets));
}

/** INTEGER of big-endian octets that stand for a number that is not negative. */
export function unsigned(octets: Uint8Array): Bytes {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start += 1;
  const digits = octets.subarray(start);
  return tlv(INTEGER, digits.length === 0 || (digits[0] ?? 0) & 0x80 ? new Uint8Array(1) : new Uint8Array(0), digits);
}

export function oid(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const octets: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const group = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) group.unshift((left % 128) | 0x80);
    octets.push(...group);
  }
  return tlv(OID, new Uint8Array(octets));
}

export function octetString(content: Uint8Array): Bytes {
  return tlv(OCTET_STRING, content);
}

/** BIT STRING of whole octets. */
export function bitString(content: Uint8Array): Bytes {
  return tlv(BIT_STRING, new Uint8Array(1), content);
}

export function utf8(text: string): Bytes {
  return tlv(UTF8, new TextEncoder().encode(text));
}

/** BMPString: UTF-16, big-endian. */
export function bmp(text: string): Bytes {
  return tlv(BMP, utf16(text));
}

export function utf16(text: string): Bytes {
  const octets = new Uint8Array(text.length * 2);
  for (let at = 0; at < text.length; at += 1) {
    octets[2 * at] = text.charCodeAt(at) >> 8;
    octets[2 * at + 1] = text.charCodeAt(at) & 0xff;
  }
  return octets;
}

/** ``[number] EXPLICIT``, or a constructed ``[number] IMPLICIT``. */
export function explicit(number: number, ...parts: readonly Uint8Array[]): Bytes {
  return tlv(0xa0 | number, ...parts);
}

/** GeneralizedTime or UTCTime as RFC 5280 §4.1.2.5 chooses. */
export function time(moment: Date): Bytes {
  const digits = moment.toISOString().replace(/[-:T]/g, "").slice(0, 14);
  const short = moment.getUTCFullYear() >= 1950 && moment.getUTCFullYear() <= 2049;
  const text = `${short ? digits.slice(2) : digits}Z`;
  return tlv(short ? 0x17 : 0x18, new TextEncoder().encode(text));
}

// --- reading -------------------------------------------------------------------------------------------------------

/** A cursor over the elements of one DER value. */
export class Reader {
  readonly #data: Uint8Array;
  readonly #end: number;
  #pos: number;

  constructor(data: Uint8Array, start = 0, end = data.length) {
    this.#data = data;
    this.#pos = start;
    this.#end = end;
  }

  /** Tag of the next element, or -1 at the end. */
  get tag(): number {
    return this.#pos < this.#end ? (this.#data[this.#pos] ?? -1) : -1;
  }

  get more(): boolean {
    return this.#pos < this.#end;
  }

  #head(tag: number): [number, number] {
    if (this.#pos + 2 > this.#end) throw damaged("the value ends too early");
    const found = this.tag;
    if (tag >= 0 && found !== tag) throw damaged("an element of another type was expected here");
    if ((found & 0x1f) === 0x1f) throw damaged("a tag number above 30");
    let length = this.#data[this.#pos + 1] ?? 0;
    let start = this.#pos + 2;
    if (length >= 0x80) {
      const size = length - 0x80;
      if (size < 1 || size > 4 || start + size > this.#end) throw damaged("a length that DER does not allow");
      length = 0;
      for (let at = 0; at < size; at += 1) length = length * 256 + (this.#data[start + at] ?? 0);
      if (length < 0x80 || length < 256 ** (size - 1)) throw damaged("a length that is not minimal");
      start += size;
    }
    if (start + length > this.#end) throw damaged("an element reaches beyond its parent");
    this.#pos = start + length;
    return [start, start + length];
  }

  /** Content octets of the next element. */
  value(tag = -1): Bytes {
    const [start, end] = this.#head(tag);
    return own(this.#data.subarray(start, end));
  }

  /** The next element, header included. */
  raw(tag = -1): Bytes {
    const before = this.#pos;
    this.#head(tag);
    return own(this.#data.subarray(before, this.#pos));
  }

  /** The next, constructed element as a reader over its content. */
  enter(tag = SEQUENCE): Reader {
    const [start, end] = this.#head(tag);
    return new Reader(this.#data, start, end);
  }

  /** As `enter`, or null when the next element has another tag. */
  optional(tag: number): Reader | null {
    return this.tag === tag ? this.enter(tag) : null;
  }

  /** Refuses anything left over. */
  done(): void {
    if (this.#pos !== this.#end) throw damaged("octets behind the end of the value");
  }

  /** INTEGER of at most 32 bits, not negative: versions, counts. */
  small(): number {
    const content = this.value(INTEGER);
    if (!content.length || content.length > 5 || (content[0] ?? 0) & 0x80) throw damaged("not a small number");
    if (content.length > 1 && content[0] === 0 && !((content[1] ?? 0) & 0x80)) throw damaged("not a minimal number");
    return content.reduce((sum, octet) => sum * 256 + octet, 0);
  }

  oid(): string {
    const content = this.value(OID);
    if (!content.length || content.length > 64 || (content[content.length - 1] ?? 0) & 0x80) throw damaged("not an OID");
    const arcs: number[] = [];
    let value = 0;
    let fresh = true;
    for (const octet of content) {
      if ((fresh && octet === 0x80) || value > 2 ** 45) throw damaged("not an OID");
      value = value * 128 + (octet & 0x7f);
      fresh = !(octet & 0x80);
      if (fresh) {
        arcs.push(value);
        value = 0;
      }
    }
    const first = Math.min(Math.floor((arcs[0] ?? 0) / 40), 2);
    return [first, (arcs[0] ?? 0) - 40 * first, ...arcs.slice(1)].join(".");
  }

  octets(): Bytes {
    return this.value(OCTET_STRING);
  }

  /** BIT STRING of whole octets. */
  bits(): Bytes {
    const content = this.value(BIT_STRING);
    if (!content.length || content[0]) throw damaged("a bit string that is not whole octets");
    return content.slice(1);
  }

  /** A character string of any type certificates have ever had. */
  text(): string {
    const tag = this.tag;
    const content = this.value();
    try {
      if (tag === BMP) return new TextDecoder("utf-16be", { fatal: true }).decode(content);
      if (tag === T61) return teletex(content);
      if (tag === 0x1c) return utf32(content);
      if ([UTF8, PRINTABLE, 0x12, 0x16, 0x1a].includes(tag)) return new TextDecoder("utf-8", { fatal: true }).decode(content);
    } catch {
      throw damaged("text in another encoding than it claims");
    }
    throw damaged("not a character string of a kind in use");
  }
}

/** A TeletexString, in which authorities put what their country wrote: EUC-KR here, else Latin. */
function teletex(content: Uint8Array): string {
  try {
    return new TextDecoder("euc-kr", { fatal: true }).decode(content);
  } catch {
    return Array.from(content, (octet) => String.fromCharCode(octet)).join("");
  }
}

/** A UniversalString: four octets a character. */
function utf32(content: Uint8Array): string {
  if (content.length % 4) throw damaged("text in another encoding than it claims");
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  return Array.from({ length: content.length / 4 }, (_, at) => String.fromCodePoint(view.getUint32(4 * at))).join("");
}

/** Opens `data`, which must be exactly one element of `tag`, of at most `limit` octets. */
export function whole(data: Uint8Array, tag = SEQUENCE, limit = 1 << 20): Reader {
  if (data.length > limit) throw damaged("too large");
  const outer = new Reader(data);
  const inner = outer.enter(tag);
  outer.done();
  return inner;
}
