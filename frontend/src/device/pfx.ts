/**
 * PKCS #12 (RFC 7292), by hand so that R stays in the key's bag: libraries drop the attributes of a PKCS #8 key.
 *
 * Written: `compatible` (certificates in the clear, key under 3DES, SHA-1 code: what Korean tools import) or `modern`
 * (everything under PBES2 with AES-256, SHA-256 code). Read: these, RC2, and keys under the NPKI forms.
 */
import { type Bytes, concat, random, same } from "./bytes";
import { readCertificate } from "./certificate";
import * as der from "./der";
import { DeviceError, damaged } from "./errors";
import { HASHES, type HashName, sha1 } from "./hash";
import { decryptUnder, encryptPbes2, plainOrWrong, type PlainKey, sealUnder } from "./keyfile";
import * as oids from "./oids";
import { rc2Decrypt, tripleDesDecrypt, tripleDesEncrypt } from "./old-ciphers";
import { passwordBytes } from "./passwords";
import { belongsTo } from "./signing";

export type PfxForm = "compatible" | "modern";

const ROUNDS = 2048;
const MODERN_ROUNDS = 100_000;
/** For a whole file: more is an attempt to keep the device busy. */
const MAX_ROUNDS = 1_000_000;
const MAX_FILE = 1 << 20;
const MAX_PARTS = 8;
const MAX_BAGS = 32;
/** Each bounded by itself; an honest file has two. */
const MAX_DECRYPTIONS = 4;
const PBES: Readonly<Record<string, { size: number; iv: number; open: typeof tripleDesDecrypt }>> = {
  [oids.PBE_3DES]: { size: 24, iv: 8, open: tripleDesDecrypt },
  [oids.PBE_2DES]: { size: 16, iv: 8, open: tripleDesDecrypt },
  [oids.PBE_RC2_128]: { size: 16, iv: 8, open: rc2Decrypt },
  [oids.PBE_RC2_40]: { size: 5, iv: 8, open: rc2Decrypt },
};

export interface PfxContent {
  readonly key: PlainKey;
  readonly certificate: Bytes;
  /** Other certificates in the file. */
  readonly chain: readonly Bytes[];
}

/** Key material of PKCS #12 (RFC 7292 appendix B.2): `purpose` 1 key, 2 vector, 3 authentication code. */
export function derive(
  name: HashName,
  password: string,
  salt: Uint8Array,
  rounds: number,
  purpose: 1 | 2 | 3,
  size: number,
): Bytes {
  const hash = HASHES[name];
  const block = 64;
  const fill = (data: Uint8Array): Bytes =>
    Uint8Array.from({ length: Math.ceil(data.length / block) * block }, (_, at) => data[at % data.length] ?? 0);
  const diversifier = new Uint8Array(block).fill(purpose);
  const input = concat(fill(salt), fill(concat(der.utf16(password), new Uint8Array(2))));
  let out: Bytes = new Uint8Array(0);
  for (;;) {
    let a = hash(concat(diversifier, input));
    for (let round = 1; round < rounds; round += 1) a = hash(a);
    out = concat(out, a);
    if (out.length >= size) return out.slice(0, size);
    const b = Uint8Array.from({ length: block }, (_, at) => a[at % a.length] ?? 0);
    for (let start = 0; start < input.length; start += block) {
      let carry = 1;
      for (let at = block - 1; at >= 0; at -= 1) {
        carry += (input[start + at] ?? 0) + (b[at] ?? 0);
        input[start + at] = carry & 255;
        carry >>= 8;
      }
    }
  }
}

// --- writing -------------------------------------------------------------------------------------------------------

export interface WriteOptions {
  readonly form?: PfxForm;
  readonly friendlyName?: string;
  readonly chain?: readonly Uint8Array[];
}

/** A PFX with a key (PKCS #8, attributes kept) and its certificate under a password. */
export async function writePfx(
  pkcs8: Bytes,
  certificate: Uint8Array,
  password: string,
  options: WriteOptions = {},
): Promise<Bytes> {
  const form = options.form ?? "compatible";
  const name = options.friendlyName ?? readCertificate(certificate).commonName;
  const attributes = der.setOf(
    der.sequence(der.oid(oids.FRIENDLY_NAME), der.setOf(der.bmp(name))),
    der.sequence(der.oid(oids.LOCAL_KEY_ID), der.setOf(der.octetString(sha1(certificate)))),
  );
  const certificates = [
    certificateBag(certificate, attributes),
    ...(options.chain ?? []).map((one) => certificateBag(one, new Uint8Array(0))),
  ];
  const shrouded = form === "modern" ? await modernKey(pkcs8, password) : compatibleKey(pkcs8, password);
  const keys = der.sequence(der.sequence(der.oid(oids.SHROUDED_BAG), der.explicit(0, shrouded), attributes));
  const listed = der.sequence(...certificates);
  const first = form === "modern" ? await encryptedPart(listed, password) : dataPart(listed);
  const content = der.sequence(first, dataPart(keys));
  return der.sequence(der.integer(3), dataPart(content), authentication(content, password, form));
}

function certificateBag(certificate: Uint8Array, attributes: Bytes): Bytes {
  const inner = der.sequence(der.oid(oids.X509_CERTIFICATE), der.explicit(0, der.octetString(certificate)));
  return der.sequence(der.oid(oids.CERT_BAG), der.explicit(0, inner), attributes);
}

function dataPart(content: Bytes): Bytes {
  return der.sequence(der.oid(oids.DATA), der.explicit(0, der.octetString(content)));
}

async function encryptedPart(content: Bytes, password: string): Promise<Bytes> {
  const [algorithm, cipher] = await encryptPbes2(content, utf8(password), { form: "aes", iterations: MODERN_ROUNDS });
  const info = der.sequence(der.oid(oids.DATA), algorithm, der.tlv(0x80, cipher));
  const body = der.sequence(der.integer(0), info);
  return der.sequence(der.oid(oids.ENCRYPTED_DATA), der.explicit(0, body));
}

async function modernKey(pkcs8: Bytes, password: string): Promise<Bytes> {
  return sealUnder(pkcs8, utf8(password), { form: "aes", iterations: MODERN_ROUNDS });
}

function compatibleKey(pkcs8: Bytes, password: string): Bytes {
  const salt = random(8);
  const key = derive("sha1", password, salt, ROUNDS, 1, 24);
  const cipher = tripleDesEncrypt(key, derive("sha1", password, salt, ROUNDS, 2, 8), pkcs8);
  const parameters = der.sequence(der.octetString(salt), der.integer(ROUNDS));
  return der.sequence(der.sequence(der.oid(oids.PBE_3DES), parameters), der.octetString(cipher));
}

function authentication(content: Bytes, password: string, form: PfxForm): Bytes {
  const [name, dotted, size] =
    form === "modern" ? (["sha256", oids.SHA256, 32] as const) : (["sha1", oids.SHA1, 20] as const);
  const salt = random(form === "modern" ? 16 : 8);
  const rounds = form === "modern" ? MODERN_ROUNDS : ROUNDS;
  const code = hmac(name, derive(name, password, salt, rounds, 3, size), content);
  const digest = der.sequence(der.sequence(der.oid(dotted), der.NULL_VALUE), der.octetString(code));
  return der.sequence(digest, der.octetString(salt), der.integer(rounds));
}

function hmac(name: HashName, key: Bytes, data: Uint8Array): Bytes {
  const hash = HASHES[name];
  const padded = new Uint8Array(64);
  padded.set(key);
  const inner = hash(concat(padded.map((octet) => octet ^ 0x36), data));
  return hash(concat(padded.map((octet) => octet ^ 0x5c), inner));
}

/** In PKCS #12 files PBES2 takes UTF-8, the older derivation UTF-16: as openssl and Windows do. */
function utf8(password: string): Bytes {
  return new TextEncoder().encode(password);
}

// --- reading -------------------------------------------------------------------------------------------------------

/** Work left for a whole file: rounds of the older derivation, and decryptions. */
class Budget {
  #left = MAX_ROUNDS;
  #decryptions = MAX_DECRYPTIONS;

  take(rounds: number): void {
    this.#left -= rounds;
    if (rounds < 1 || this.#left < 0) throw damaged("rounds out of bounds");
  }

  decrypt(): void {
    this.#decryptions -= 1;
    if (this.#decryptions < 0) throw damaged("too many encrypted parts");
  }
}

/** Opens a PFX: the first key in it and the certificate that belongs to it. */
export async function readPfx(file: Uint8Array, password: string): Promise<PfxContent> {
  const body = der.whole(file, der.SEQUENCE, MAX_FILE);
  if (body.small() !== 3) throw damaged("an unknown version");
  const outer = body.enter();
  const content = dataOf(outer);
  const budget = new Budget();
  if (body.more) checkAuthentication(body.enter(), content, password, budget);
  body.done();
  const found: Found = { keys: [], certificates: [], bags: 0 };
  const parts = der.whole(content, der.SEQUENCE, MAX_FILE);
  for (let count = 0; parts.more; count += 1) {
    if (count >= MAX_PARTS) throw damaged("too many parts");
    const part = await openPart(parts.enter(), password, budget);
    await readBags(part, password, budget, found);
  }
  return matched(found);
}

interface Found {
  readonly keys: PlainKey[];
  readonly certificates: Bytes[];
  bags: number;
}

async function matched(found: Found): Promise<PfxContent> {
  const key = found.keys[0];
  if (!key || !found.certificates.length) throw damaged("no key with its certificate");
  for (const certificate of found.certificates) {
    if (await belongsTo(key.core, key.kind, readCertificate(certificate).spki)) {
      return { key, certificate, chain: found.certificates.filter((one) => one !== certificate) };
    }
  }
  throw new DeviceError("key_mismatch");
}

function dataOf(info: der.Reader): Bytes {
  if (info.oid() !== oids.DATA) throw damaged("a file under a public key, which is not in use");
  const wrapped = info.enter(0xa0);
  info.done();
  const content = wrapped.octets();
  wrapped.done();
  return content;
}

function checkAuthentication(mac: der.Reader, content: Bytes, password: string, budget: Budget): void {
  const info = mac.enter();
  const algorithm = info.enter();
  const name = { [oids.SHA1]: "sha1" as const, [oids.SHA256]: "sha256" as const }[algorithm.oid()];
  const code = info.octets();
  const salt = mac.octets();
  const rounds = mac.more ? mac.small() : 1;
  mac.done();
  if (!name || !salt.length || salt.length > 64) throw damaged("an authentication code not in use");
  budget.take(rounds);
  const made = hmac(name, derive(name, password, salt, rounds, 3, name === "sha1" ? 20 : 32), content);
  if (!same(made, code)) throw new DeviceError("wrong_password");
}

async function openPart(info: der.Reader, password: string, budget: Budget): Promise<Bytes> {
  const before = info.raw(der.OID);
  const dotted = new der.Reader(before).oid();
  const wrapped = info.enter(0xa0);
  info.done();
  if (dotted === oids.DATA) return wrapped.octets();
  if (dotted !== oids.ENCRYPTED_DATA) throw damaged("a part of a kind not in use");
  const body = wrapped.enter();
  body.small();
  const inner = body.enter();
  if (inner.oid() !== oids.DATA) throw damaged("a part of a kind not in use");
  const algorithm = inner.raw(der.SEQUENCE);
  const cipher = inner.value(0x80);
  inner.done();
  const plain = await decrypt(algorithm, cipher, password, budget);
  if (!plain) throw new DeviceError("wrong_password");
  return plain;
}

async function decrypt(algorithm: Bytes, cipher: Bytes, password: string, budget: Budget): Promise<Bytes | null> {
  budget.decrypt();
  const identifier = der.whole(algorithm);
  const dotted = identifier.oid();
  const pbe = PBES[dotted];
  if (!pbe) {
    const octets = dotted === oids.PBES2 ? utf8(password) : passwordBytes(password);
    return decryptUnder(der.whole(algorithm), cipher, octets);
  }
  const parameters = identifier.enter();
  const salt = parameters.octets();
  const rounds = parameters.small();
  parameters.done();
  if (!salt.length || salt.length > 64) throw damaged("a salt of a length not in use");
  budget.take(2 * rounds);
  const key = derive("sha1", password, salt, rounds, 1, pbe.size);
  return pbe.open(key, derive("sha1", password, salt, rounds, 2, pbe.iv), cipher);
}

async function readBags(part: Bytes, password: string, budget: Budget, found: Found): Promise<void> {
  const bags = der.whole(part, der.SEQUENCE, MAX_FILE);
  while (bags.more) {
    found.bags += 1;
    if (found.bags > MAX_BAGS) throw damaged("too many bags");
    const bag = bags.enter();
    const kind = bag.oid();
    const value = bag.enter(0xa0);
    if (kind === oids.CERT_BAG) {
      const inner = value.enter();
      if (inner.oid() === oids.X509_CERTIFICATE) found.certificates.push(inner.enter(0xa0).octets());
    } else if (kind === oids.SHROUDED_BAG && !found.keys.length) {
      const shrouded = value.enter();
      const algorithm = shrouded.raw(der.SEQUENCE);
      found.keys.push(plainOrWrong(await decrypt(algorithm, shrouded.octets(), password, budget)));
    } else if (kind === oids.KEY_BAG && !found.keys.length) {
      found.keys.push(plainOrWrong(value.raw(der.SEQUENCE)));
    }
  }
}
