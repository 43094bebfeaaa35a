/**
 * PKCS #12 (RFC 7292), by hand so that R stays in the key's bag: libraries drop the attributes of a PKCS #8 key.
 *
 * Written: `compatible` (certificates in the clear, key under 3DES, SHA-1 code: what Korean tools import) or `modern`
 * (everything under PBES2 with AES-256, SHA-256 code). Read: these, RC2, keys under the NPKI forms, codes of the longer
 * SHAs, and BER. Other forms are called so: `form_unsupported`.
 */
import { joined, plainFile, toDer } from "./ber";
import { type Bytes, concat, own, random, same } from "./bytes";
import { readCertificate } from "./certificate";
import * as der from "./der";
import { DeviceError, damaged, unsupported } from "./errors";
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

type CodeHash = HashName | "sha384" | "sha512";
type Sum = (data: Uint8Array) => Bytes | Promise<Bytes>;

/** The short ones are worked out here, thousands in a row; the long ones are rare and asked of WebCrypto. */
const SUMS: Readonly<Record<CodeHash, { block: number; size: number; sum: Sum }>> = {
  sha1: { block: 64, size: 20, sum: HASHES.sha1 },
  sha256: { block: 64, size: 32, sum: HASHES.sha256 },
  sha384: { block: 128, size: 48, sum: async (data) => new Uint8Array(await crypto.subtle.digest("SHA-384", own(data))) },
  sha512: { block: 128, size: 64, sum: async (data) => new Uint8Array(await crypto.subtle.digest("SHA-512", own(data))) },
};
const CODES: Readonly<Record<string, CodeHash>> = {
  [oids.SHA1]: "sha1",
  [oids.SHA256]: "sha256",
  [oids.SHA384]: "sha384",
  [oids.SHA512]: "sha512",
};

/** Key material of PKCS #12 (RFC 7292 appendix B.2): `purpose` 1 key, 2 vector, 3 authentication code. */
export async function derive(
  name: CodeHash,
  password: string,
  salt: Uint8Array,
  rounds: number,
  purpose: 1 | 2 | 3,
  size: number,
): Promise<Bytes> {
  const { block, sum } = SUMS[name];
  const fill = (data: Uint8Array): Bytes =>
    Uint8Array.from({ length: Math.ceil(data.length / block) * block }, (_, at) => data[at % data.length] ?? 0);
  const diversifier = new Uint8Array(block).fill(purpose);
  const input = concat(fill(salt), fill(concat(der.utf16(password), new Uint8Array(2))));
  let out: Bytes = new Uint8Array(0);
  for (;;) {
    let a: Bytes = concat(diversifier, input);
    for (let round = 0; round < rounds; round += 1) {
      const next = sum(a);
      a = next instanceof Promise ? await next : next;
    }
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
  const shrouded = form === "modern" ? await modernKey(pkcs8, password) : await compatibleKey(pkcs8, password);
  const keys = der.sequence(der.sequence(der.oid(oids.SHROUDED_BAG), der.explicit(0, shrouded), attributes));
  const listed = der.sequence(...certificates);
  const first = form === "modern" ? await encryptedPart(listed, password) : dataPart(listed);
  const content = der.sequence(first, dataPart(keys));
  return der.sequence(der.integer(3), dataPart(content), await authentication(content, password, form));
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

async function compatibleKey(pkcs8: Bytes, password: string): Promise<Bytes> {
  const salt = random(8);
  const key = await derive("sha1", password, salt, ROUNDS, 1, 24);
  const cipher = tripleDesEncrypt(key, await derive("sha1", password, salt, ROUNDS, 2, 8), pkcs8);
  const parameters = der.sequence(der.octetString(salt), der.integer(ROUNDS));
  return der.sequence(der.sequence(der.oid(oids.PBE_3DES), parameters), der.octetString(cipher));
}

async function authentication(content: Bytes, password: string, form: PfxForm): Promise<Bytes> {
  const [name, dotted] = form === "modern" ? (["sha256", oids.SHA256] as const) : (["sha1", oids.SHA1] as const);
  const salt = random(form === "modern" ? 16 : 8);
  const rounds = form === "modern" ? MODERN_ROUNDS : ROUNDS;
  const code = await codeOf(name, password, salt, rounds, content);
  const digest = der.sequence(der.sequence(der.oid(dotted), der.NULL_VALUE), der.octetString(code));
  return der.sequence(digest, der.octetString(salt), der.integer(rounds));
}

/** HMAC (RFC 2104) over the content, under the key the password makes. */
async function codeOf(name: CodeHash, password: string, salt: Bytes, rounds: number, content: Bytes): Promise<Bytes> {
  const { block, size, sum } = SUMS[name];
  const padded = new Uint8Array(block);
  padded.set(await derive(name, password, salt, rounds, 3, size));
  const inner = await sum(concat(padded.map((octet) => octet ^ 0x36), content));
  return sum(concat(padded.map((octet) => octet ^ 0x5c), inner));
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
  const body = der.whole(toDer(plainFile(file), MAX_FILE), der.SEQUENCE, MAX_FILE);
  if (body.small() !== 3) throw damaged("an unknown version");
  const outer = body.enter();
  const content = dataOf(outer);
  const budget = new Budget();
  if (body.more) await checkAuthentication(body.enter(), content, password, budget);
  body.done();
  const found: Found = { keys: [], certificates: [], bags: 0 };
  const parts = der.whole(toDer(content, MAX_FILE), der.SEQUENCE, MAX_FILE);
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
  const dotted = info.oid();
  if (dotted === oids.SIGNED_DATA) throw unsupported("signedData"); // under a public key instead of a password
  if (dotted !== oids.DATA) throw damaged("not a file of PKCS #12");
  const wrapped = info.enter(0xa0);
  info.done();
  const content = wrapped.octets();
  wrapped.done();
  return content;
}

async function checkAuthentication(mac: der.Reader, content: Bytes, password: string, budget: Budget): Promise<void> {
  const info = mac.enter();
  const algorithm = info.enter();
  const dotted = algorithm.oid();
  const name = CODES[dotted];
  const code = info.octets();
  const salt = mac.octets();
  const rounds = mac.more ? mac.small() : 1;
  mac.done();
  if (!name) throw unsupported(dotted === oids.PBMAC1 ? "PBMAC1" : dotted);
  if (!salt.length || salt.length > 64) throw damaged("an authentication code not in use");
  budget.take(rounds);
  const made = await codeOf(name, password, salt, rounds, content);
  if (!same(made, code)) throw new DeviceError("wrong_password");
}

async function openPart(info: der.Reader, password: string, budget: Budget): Promise<Bytes> {
  const before = info.raw(der.OID);
  const dotted = new der.Reader(before).oid();
  const wrapped = info.enter(0xa0);
  info.done();
  if (dotted === oids.DATA) return wrapped.octets();
  if (dotted !== oids.ENCRYPTED_DATA) throw unsupported(dotted);
  const body = wrapped.enter();
  body.small();
  const inner = body.enter();
  if (inner.oid() !== oids.DATA) throw damaged("a part of a kind not in use");
  const algorithm = inner.raw(der.SEQUENCE);
  // [0] IMPLICIT OCTET STRING: whole, or in pieces.
  const cipher = inner.tag === 0xa0 ? joined(inner.value(0xa0)) : inner.value(0x80);
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
  const key = await derive("sha1", password, salt, rounds, 1, pbe.size);
  return pbe.open(key, await derive("sha1", password, salt, rounds, 2, pbe.iv), cipher);
}

async function readBags(part: Bytes, password: string, budget: Budget, found: Found): Promise<void> {
  const bags = der.whole(toDer(part, MAX_FILE), der.SEQUENCE, MAX_FILE);
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
