/**
 * ZIP archives (PKWARE APPNOTE 6.3) of a few small files: written without compression, read with or without it.
 *
 * Sizes and numbers are bounded; encrypted archives, ZIP64 and paths that climb out are refused as `file_damaged`.
 */
import { type Bytes, concat, own } from "./bytes";
import { damaged } from "./errors";

const MAX_ARCHIVE = 4 << 20;
const MAX_FILES = 256;
const MAX_ONE = 1 << 20;
const UTF8_FLAG = 0x0800;
const MIDNIGHT_1980 = 0x0021;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, octet) => {
  let value = octet;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(data: Uint8Array): number {
  let value = 0xffffffff;
  for (const octet of data) value = (value >>> 8) ^ (CRC_TABLE[(value ^ octet) & 255] ?? 0);
  return (value ^ 0xffffffff) >>> 0;
}

/** Little-endian numbers: [size in octets, value]. */
function numbers(...fields: readonly (readonly [2 | 4, number])[]): Bytes {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

/** An archive of files by their paths, uncompressed. */
export function writeZip(files: ReadonlyMap<string, Uint8Array>): Bytes {
  const [bodies, entries]: [Uint8Array[], Uint8Array[]] = [[], []];
  let at = 0;
  for (const [path, data] of files) {
    const name = new TextEncoder().encode(path);
    const size = data.length;
    const shared = [[2, 20], [2, UTF8_FLAG], [2, 0], [2, 0], [2, MIDNIGHT_1980], [4, crc32(data)], [4, size], [4, size], [2, name.length], [2, 0]] as const;
    const local = concat(numbers([4, 0x04034b50], ...shared), name, data);
    entries.push(numbers([4, 0x02014b50], [2, 20], ...shared, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]), name);
    bodies.push(local);
    at += local.length;
  }
  const listed = concat(...entries);
  const end = numbers([4, 0x06054b50], [2, 0], [2, 0], [2, files.size], [2, files.size], [4, listed.length], [4, at], [2, 0]);
  return concat(...bodies, listed, end);
}

/** Files of an archive by their paths; folders are left out. */
export async function readZip(archive: Uint8Array): Promise<Map<string, Bytes>> {
  if (archive.length > MAX_ARCHIVE) throw damaged("too large");
  const view = new DataView(archive.buffer, archive.byteOffset, archive.length);
  let end = archive.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) throw damaged("not an archive");
  const count = view.getUint16(end + 10, true);
  if (count > MAX_FILES) throw damaged("too many files");
  const found = new Map<string, Bytes>();
  let at = view.getUint32(end + 16, true);
  for (let number = 0; number < count; number += 1) {
    if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50) throw damaged("a broken archive");
    const size = view.getUint16(at + 28, true);
    const next = at + 46 + size + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > end) throw damaged("a broken archive");
    const name = readName(archive.subarray(at + 46, at + 46 + size));
    if (!name.endsWith("/")) found.set(name, await readOne(view, archive, at, end));
    at = next;
  }
  return found;
}

function readName(octets: Uint8Array): string {
  let name: string;
  try {
    name = new TextDecoder("utf-8", { fatal: true }).decode(octets);
  } catch {
    // Archives made by Windows in Korea hold names in CP949 without saying so.
    name = new TextDecoder("euc-kr").decode(octets);
  }
  const path = name.replaceAll("\\", "/");
  if (path.startsWith("/") || path.split("/").includes("..")) throw damaged("a path that climbs out");
  return path;
}

async function readOne(view: DataView, archive: Uint8Array, entry: number, end: number): Promise<Bytes> {
  const [flags, method] = [view.getUint16(entry + 8, true), view.getUint16(entry + 10, true)];
  const crc = view.getUint32(entry + 16, true);
  const [packed, size] = [view.getUint32(entry + 20, true), view.getUint32(entry + 24, true)];
  const local = view.getUint32(entry + 42, true);
  if (flags & 1 || size > MAX_ONE || local + 30 > end) throw damaged("a file that cannot be read");
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (start + packed > end) throw damaged("a broken archive");
  const body = own(archive.subarray(start, start + packed));
  const data = method === 0 ? body : method === 8 ? await inflate(body) : null;
  if (!data || data.length !== size || crc32(data) !== crc) throw damaged("a file that is not whole");
  return data;
}

async function inflate(packed: Bytes): Promise<Bytes | null> {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts: Uint8Array[] = [];
  let total = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return concat(...parts);
      total += value.length;
      if (total > MAX_ONE) return null;
      parts.push(value);
    }
  } catch {
    return null;
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
