/**
 * The folder layout of the NPKI: `NPKI/<authority>/USER/<subject>/{signCert.der, signPri.key}` (KCAC.TS.UI), as an
 * archive that can be unpacked where other programs look for certificates.
 */
import type { Bytes } from "./bytes";
import { readCertificate } from "./certificate";
import { damaged } from "./errors";
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

/** Every pair of the two files that share a folder. Throws `file_damaged` when there is none. */
export async function readFolders(archive: Uint8Array): Promise<FolderEntry[]> {
  return pairs(await readZip(archive));
}

/** As `readFolders`, from files by their paths (a folder picked in the browser). */
export function pairs(files: ReadonlyMap<string, Bytes>): FolderEntry[] {
  const entries: FolderEntry[] = [];
  const low = new Map([...files].map(([path, data]) => [path.toLowerCase(), data]));
  for (const [path, certificate] of low) {
    if (!path.endsWith(CERTIFICATE_FILE.toLowerCase())) continue;
    const keyFile = low.get(path.slice(0, -CERTIFICATE_FILE.length) + KEY_FILE.toLowerCase());
    if (keyFile) entries.push({ certificate, keyFile });
  }
  if (!entries.length) throw damaged("no certificate with its key");
  return entries;
}
