/**
 * Private keys under a password: EncryptedPrivateKeyInfo (RFC 5958 §3) as NPKI tools write it, around a PKCS #8 key
 * that keeps the customer's random number R as an attribute.
 *
 * Written: PBES2 with SEED-CBC and HMAC-SHA1 (what other NPKI programs open), or PBES2 with AES-256-CBC and
 * HMAC-SHA256 (stronger; our own and openssl's). Read: both, and the two older forms with PBKDF1 and SEED.
 */
import { plainFile, toDer } from "./ber";
import { type Bytes, concat, random } from "./bytes";
import * as der from "./der";
import { DeviceError, damaged, unsupported } from "./errors";
import { sha1 } from "./hash";
import * as oids from "./oids";
import { tripleDesDecrypt } from "./old-ciphers";
import { passwordBytes } from "./passwords";
import * as seed from "./seed";

export type KeyForm = "seed" | "aes";

/**
 * Rounds of PBKDF2 when writing. NPKI tools write 2,048, but every reader known to us takes the count from the file,
 * so a count that slows guessing is as readable; a reader that insists on 2,048 is served by exporting with it.
 */
export const ITERATIONS: Readonly<Record<KeyForm, number>> = { seed: 100_000, aes: 600_000 };
export const MIN_ITERATIONS = 2048;
/** Above these a file is no key file but an attempt to keep the device busy. */
const MAX_PBKDF2 = 2_000_000;
const MAX_PBKDF1 = 100_000;
const MAX_FILE = 65_536;
const MAX_SALT = 64;
const FIXED_VECTOR = new TextEncoder().encode("0123456789012345");
const MIN_RANDOM = 20;
const MAX_RANDOM = 64;
const PRFS: Readonly<Record<string, string>> = {
  [oids.HMAC_SHA1]: "SHA-1",
  [oids.HMAC_SHA256]: "SHA-256",
  [oids.HMAC_SHA384]: "SHA-384",
  [oids.HMAC_SHA512]: "SHA-512",
};

/** A private key in the clear. `pkcs8` is complete, attributes and all; `core` is what WebCrypto imports. */
export interface PlainKey {
  readonly pkcs8: Bytes;
  readonly core: Bytes;
  readonly kind: "rsa" | "ec-p256";
  /** The random number R of the virtual identification, if the key has one. */
  readonly r: Bytes | null;
}

/** Reads PrivateKeyInfo (RFC 5958 §2). Throws `file_damaged`. */
export function readPlainKey(pkcs8: Bytes): PlainKey {
  const body = der.whole(pkcs8, der.SEQUENCE, MAX_FILE);
  const version = body.small();
  if (version > 1) throw damaged("an unknown version");
  const algorithm = body.raw(der.SEQUENCE);
  const identifier = der.whole(algorithm);
  const family = identifier.oid();
  let kind: PlainKey["kind"] = "rsa";
  if (family === oids.EC_KEY) {
    if (identifier.oid() !== oids.P256) throw damaged("a curve not in use");
    kind = "ec-p256";
  } else if (family !== oids.RSA) throw damaged("a key of a kind not in use");
  const secret = body.raw(der.OCTET_STRING);
  const attributes = body.optional(0xa0);
  const r = attributes && readRandom(attributes);
  if (body.tag === 0x81) body.raw();
  body.done();
  const core = der.sequence(der.integer(0), algorithm, secret);
  return { pkcs8, core, kind, r };
}

function readRandom(attributes: der.Reader): Bytes | null {
  let found: Bytes | null = null;
  while (attributes.more) {
    const attribute = attributes.enter();
    const dotted = attribute.oid();
    const values = attribute.enter(der.SET);
    attribute.done();
    if (dotted !== oids.NPKI_RANDOM) continue;
    if (found) throw damaged("R twice");
    found = values.bits();
    values.done();
    if (found.length < MIN_RANDOM || found.length > MAX_RANDOM) throw damaged("R of a length not in use");
  }
  return found;
}

/** The PKCS #8 key with R as its attribute (KCAC.TS.SIVID v1.21). */
export function withRandom(core: Bytes, r: Bytes): Bytes {
  const plain = readPlainKey(core);
  const attribute = der.sequence(der.oid(oids.NPKI_RANDOM), der.setOf(der.bitString(r)));
  const body = der.whole(plain.core);
  return der.sequence(body.raw(), body.raw(), body.raw(), der.explicit(0, attribute));
}

/** R, which a virtual identification needs. Throws `r_missing`. */
export function requireRandom(key: PlainKey): Bytes {
  if (!key.r) throw new DeviceError("r_missing");
  return key.r;
}

// --- writing -------------------------------------------------------------------------------------------------------

export interface SealOptions {
  readonly form?: KeyForm;
  readonly iterations?: number;
}

/** EncryptedPrivateKeyInfo of a PKCS #8 key under a password. */
export async function sealKeyFile(pkcs8: Bytes, password: string, options: SealOptions = {}): Promise<Bytes> {
  return sealUnder(pkcs8, passwordBytes(password), options);
}

/** As `sealKeyFile`, the password being octets already. */
export async function sealUnder(pkcs8: Bytes, password: Bytes, options: SealOptions = {}): Promise<Bytes> {
  const [algorithm, cipher] = await encryptPbes2(pkcs8, password, options);
  return der.sequence(algorithm, der.octetString(cipher));
}

/** AlgorithmIdentifier and ciphertext of anything under PBES2 (RFC 8018 §6.2). */
export async function encryptPbes2(plain: Bytes, password: Bytes, options: SealOptions = {}): Promise<[Bytes, Bytes]> {
  const form = options.form ?? "seed";
  const iterations = options.iterations ?? ITERATIONS[form];
  if (iterations < MIN_ITERATIONS || iterations > MAX_PBKDF2) throw new RangeError("rounds out of bounds");
  // Eight octets: older readers know no other length of salt.
  const salt = random(form === "seed" ? 8 : 16);
  const iv = random(16);
  const prf = form === "seed" ? [] : [der.sequence(der.oid(oids.HMAC_SHA256), der.NULL_VALUE)];
  const kdf = der.sequence(der.octetString(salt), der.integer(iterations), ...prf);
  const scheme = der.sequence(der.oid(form === "seed" ? oids.SEED_CBC : oids.AES256_CBC), der.octetString(iv));
  const parameters = der.sequence(der.sequence(der.oid(oids.PBKDF2), kdf), scheme);
  const size = form === "seed" ? 16 : 32;
  const key = await pbkdf2(password, salt, iterations, form === "seed" ? "SHA-1" : "SHA-256", size);
  const cipher = form === "seed" ? seed.encryptCbc(key, iv, plain) : await aes("encrypt", key, iv, plain);
  if (!cipher) throw damaged("encryption failed");
  return [der.sequence(der.oid(oids.PBES2), parameters), cipher];
}

// --- reading -------------------------------------------------------------------------------------------------------

/**
 * Opens a key file. Throws `file_damaged` for what is no key file, `form_unsupported`, `wrong_password` when the password does not open
 * it — which cannot be told from damage inside the encrypted part.
 */
export async function openKeyFile(file: Uint8Array, password: string): Promise<PlainKey> {
  const body = der.whole(toDer(plainFile(file), MAX_FILE));
  const algorithm = body.enter();
  const cipher = body.octets();
  body.done();
  const plain = await decryptUnder(algorithm, cipher, passwordBytes(password));
  return plainOrWrong(plain);
}

/** What came out of a decryption, as a key; garbage means the password was wrong. */
export function plainOrWrong(plain: Bytes | null): PlainKey {
  const wrong = new DeviceError("wrong_password");
  if (!plain) throw wrong;
  try {
    const body = der.whole(plain, der.SEQUENCE, MAX_FILE);
    body.small();
    body.enter().oid();
  } catch {
    throw wrong;
  }
  return readPlainKey(plain);
}

/** Decrypts under an AlgorithmIdentifier of PBES2 or of the older NPKI forms; null when the padding is wrong. */
export async function decryptUnder(algorithm: der.Reader, cipher: Bytes, password: Bytes): Promise<Bytes | null> {
  const dotted = algorithm.oid();
  const parameters = algorithm.enter();
  algorithm.done();
  if (dotted === oids.PBES2) return decryptPbes2(parameters, cipher, password);
  if (dotted !== oids.SEED_CBC && dotted !== oids.SEED_CBC_WITH_SHA1) throw unsupported(dotted);
  const salt = parameters.octets();
  const iterations = parameters.small();
  parameters.done();
  bounded(salt, iterations, MAX_PBKDF1);
  let derived = concat(password, salt);
  for (let round = 0; round < iterations; round += 1) derived = sha1(derived);
  const iv = dotted === oids.SEED_CBC ? FIXED_VECTOR : sha1(derived.slice(16, 20)).slice(0, 16);
  return seed.decryptCbc(derived.slice(0, 16), iv, cipher);
}

function bounded(salt: Uint8Array, iterations: number, most: number): void {
  if (!salt.length || salt.length > MAX_SALT) throw damaged("a salt of a length not in use");
  if (iterations < 1 || iterations > most) throw damaged("rounds out of bounds");
}

async function decryptPbes2(parameters: der.Reader, cipher: Bytes, password: Bytes): Promise<Bytes | null> {
  const kdf = parameters.enter();
  const scheme = parameters.enter();
  parameters.done();
  const derived = kdf.oid();
  if (derived !== oids.PBKDF2) throw unsupported(derived === oids.SCRYPT ? "scrypt" : derived);
  const derivation = kdf.enter();
  kdf.done();
  const salt = derivation.octets();
  const iterations = derivation.small();
  const claimed = derivation.tag === der.INTEGER ? derivation.small() : null;
  let prf = "SHA-1";
  const named = derivation.optional(der.SEQUENCE);
  if (named) {
    prf = PRFS[named.oid()] ?? "";
    if (named.more) named.value(der.NULL);
    named.done();
  }
  derivation.done();
  if (!prf) throw unsupported("PBKDF2");
  bounded(salt, iterations, MAX_PBKDF2);
  const dotted = scheme.oid();
  const iv = scheme.octets();
  scheme.done();
  const size = { [oids.SEED_CBC]: 16, [oids.AES128_CBC]: 16, [oids.AES256_CBC]: 32, [oids.DES_EDE3_CBC]: 24 }[dotted];
  if (!size) throw unsupported(dotted);
  if (claimed !== null && claimed !== size) throw damaged("a key of another length than it claims");
  if (iv.length !== (dotted === oids.DES_EDE3_CBC ? 8 : 16)) throw damaged("a vector of the wrong length");
  if (!cipher.length || cipher.length % iv.length) throw damaged("not whole blocks");
  const key = await pbkdf2(password, salt, iterations, prf, size);
  if (dotted === oids.SEED_CBC) return seed.decryptCbc(key, iv, cipher);
  if (dotted === oids.DES_EDE3_CBC) return tripleDesDecrypt(key, iv, cipher);
  return aes("decrypt", key, iv, cipher);
}

async function pbkdf2(password: Bytes, salt: Bytes, iterations: number, hash: string, size: number): Promise<Bytes> {
  const base = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "PBKDF2", hash, salt, iterations }, base, size * 8));
}

async function aes(use: "encrypt" | "decrypt", octets: Bytes, iv: Bytes, data: Bytes): Promise<Bytes | null> {
  const key = await crypto.subtle.importKey("raw", octets, "AES-CBC", false, [use]);
  try {
    return new Uint8Array(await crypto.subtle[use]({ name: "AES-CBC", iv }, key, data));
  } catch {
    return null;
  }
}
