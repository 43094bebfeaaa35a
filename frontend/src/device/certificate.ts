/** Certificates: the few facts the device needs, read from DER (RFC 5280 §4.1). */
import { type Bytes, toHex } from "./bytes";
import * as der from "./der";
import { damaged } from "./errors";

export interface CertificateFacts {
  readonly serial: Bytes;
  readonly serialHex: string;
  /** Complete elements. */
  readonly issuer: Bytes;
  readonly subject: Bytes;
  readonly spki: Bytes;
  /** `cn=…,ou=…,o=…,c=kr`, last part first, as Korean software shows it. */
  readonly subjectText: string;
  readonly issuerText: string;
  readonly commonName: string;
  /** Organisation of the issuer: the folder under `NPKI`. */
  readonly issuerOrganization: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const KINDS: Readonly<Record<string, string>> = {
  "2.5.4.3": "cn",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "c",
  "2.5.4.7": "l",
  "2.5.4.8": "st",
  "2.5.4.10": "o",
  "2.5.4.11": "ou",
  "1.2.840.113549.1.9.1": "e",
};

export function readCertificate(data: Uint8Array): CertificateFacts {
  const outer = der.whole(data, der.SEQUENCE, 65_536);
  const body = outer.enter();
  outer.raw(der.SEQUENCE);
  outer.bits();
  outer.done();
  if (body.tag === 0xa0) body.raw();
  const serial = body.value(der.INTEGER);
  body.raw(der.SEQUENCE);
  const issuer = body.raw(der.SEQUENCE);
  const validity = body.enter();
  const notBefore = readTime(validity);
  const notAfter = readTime(validity);
  const subject = body.raw(der.SEQUENCE);
  const spki = body.raw(der.SEQUENCE);
  const [subjectPairs, issuerPairs] = [namePairs(subject), namePairs(issuer)];
  const first = (pairs: readonly [string, string][], kind: string): string =>
    pairs.filter(([found]) => found === kind).at(-1)?.[1] ?? "";
  return {
    serial,
    serialHex: toHex(serial),
    issuer,
    subject,
    spki,
    subjectText: nameText(subjectPairs),
    issuerText: nameText(issuerPairs),
    commonName: first(subjectPairs, "cn"),
    issuerOrganization: first(issuerPairs, "o"),
    notBefore,
    notAfter,
  };
}

function namePairs(name: Bytes): [string, string][] {
  const found: [string, string][] = [];
  const rdns = der.whole(name);
  while (rdns.more) {
    const rdn = rdns.enter(der.SET);
    while (rdn.more) {
      const pair = rdn.enter();
      const dotted = pair.oid();
      found.push([KINDS[dotted] ?? dotted, pair.text()]);
      pair.done();
    }
  }
  return found;
}

/** Escapes as RFC 4514 §2.4 wants. */
function nameText(pairs: readonly [string, string][]): string {
  return [...pairs]
    .reverse()
    .map(([kind, value]) => `${kind}=${value.replace(/[,+"\\<>;=]/g, "\\$&").replace(/^[# ]/, "\\$&")}`)
    .join(",");
}

function readTime(reader: der.Reader): Date {
  const short = reader.tag === 0x17;
  const text = new TextDecoder().decode(reader.value(short ? 0x17 : 0x18));
  const digits = short ? `${Number(text.slice(0, 2)) >= 50 ? "19" : "20"}${text}` : text;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits);
  if (!parts) throw damaged("not a time");
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
}
