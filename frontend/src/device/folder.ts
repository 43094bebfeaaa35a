/**
 * The folder layout of the NPKI: `NPKI/<authority>/USER/<subject>/{signCert.der, signPri.key}` (KCAC.TS.UI), as an
 * archive that can be unpacked where other programs look for certificates.
 */
import { plainFile } from "./ber";
import type { Bytes } from "./bytes";
import { readCertificate } from "./certificate";
import { damaged, DeviceError } from "./errors";
import { readZip, writeZip } from "./zip";

export const CERTIFICATE_FILE = "signCert.der";
export const KEY_FILE = "signPri.key";

/** A certificate and its key file, still encrypted. */
export interface FolderEntry {
  readonly certificate: Bytes;
  readonly keyFile: Bytes;
}

/** Octets of a folder's name; file systems allow 255. */
const MAX_PART = 240;

function safe(text: string): string {
  const kept = new TextEncoder().encode(text.replace(/[\u0000-\u001f<>:"/\\|?*]/g, "_")).subarray(0, MAX_PART);
  // A character that is cut in two is left out whole.
  const whole = new TextDecoder().decode(kept).replace(/\ufffd$/, "");
  return whole.replace(/^[. ]+|[. ]+$/g, "") || "_";
}

/** Folder of a certificate. Characters that file systems refuse become `_`. */
export function folderOf(certificate: Uint8Array): string {
  const facts = readCertificate(certificate);
  return `NPKI/${safe(facts.issuerOrganization)}/USER/${safe(facts.subjectText)}`;
}

export function writeFolders(entries: readonly FolderEntry[]): Bytes {
  const files = new Map<string, Uint8Array>();
  for (const entry of entries) {
    const folder = folderOf(entry.certificate);
    files.set(`${folder}/${CERTIFICATE_FILE}`, entry.certificate);
    files.set(`${folder}/${KEY_FILE}`, entry.keyFile);
  }
  return writeZip(files);
}

/** What a folder or an archive holds: the pairs, and the paths of certificates that cannot be read. */
export interface Found {
  readonly entries: readonly FolderEntry[];
  readonly damaged: readonly string[];
}

/** Every pair of the two files that share a folder. Throws `file_damaged` when there is none. */
export async function readFolders(archive: Uint8Array): Promise<Found> {
  return pairs(await readZip(archive));
}

/** As `readFolders`, from files by their paths (a folder picked in the browser). */
export function pairs(files: ReadonlyMap<string, Bytes>): Found {
  const entries: FolderEntry[] = [];
  const broken: string[] = [];
  const low = new Map([...files].map(([path, data]) => [path.toLowerCase(), data]));
  for (const [path, data] of files) {
    // By the whole name: what macOS keeps about a file is called `._signCert.der`.
    if (path.toLowerCase().split("/").at(-1) !== CERTIFICATE_FILE.toLowerCase()) continue;
    const keyFile = low.get(path.toLowerCase().slice(0, -CERTIFICATE_FILE.length) + KEY_FILE.toLowerCase());
    if (!keyFile) continue;
    const certificate = plainFile(data);
    if (isReadable(certificate)) entries.push({ certificate, keyFile: plainFile(keyFile) });
    else broken.push(path);
  }
  if (!entries.length) throw damaged("no certificate that can be read with its key");
  return { entries, damaged: broken.sort() };
}

function isReadable(certificate: Uint8Array): boolean {
  try {
    readCertificate(certificate);
    return true;
  } catch (error) {
    if (error instanceof DeviceError) return false;
    throw error;
  }
}
