/** Signatures by WebCrypto keys, in the forms X.509 and CMS carry. */
import { type Bytes, concat } from "./bytes";
import * as der from "./der";
import * as oids from "./oids";

export type KeyKind = "rsa" | "ec-p256";

const RSA_ALGORITHM = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const EC_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };

export function kindOf(key: CryptoKey): KeyKind {
  return key.algorithm.name === "ECDSA" ? "ec-p256" : "rsa";
}

/** RSA PKCS #1 v1.5 or ECDSA over SHA-256; the latter as SEQUENCE of two INTEGERs (RFC 3279 §2.2.3). */
export async function sign(key: CryptoKey, data: Uint8Array): Promise<Bytes> {
  const content = new Uint8Array(data);
  if (kindOf(key) === "rsa") return new Uint8Array(await crypto.subtle.sign(RSA_ALGORITHM.name, key, content));
  const raw = new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, content));
  return der.sequence(der.unsigned(raw.subarray(0, 32)), der.unsigned(raw.subarray(32)));
}

/** AlgorithmIdentifier of what `sign` makes; ECDSA without parameters (RFC 5758 §3.2). */
export function signatureAlgorithm(kind: KeyKind): Bytes {
  return kind === "rsa"
    ? der.sequence(der.oid(oids.RSA_SHA256), der.NULL_VALUE)
    : der.sequence(der.oid(oids.ECDSA_SHA256));
}

/** A private key (PKCS #8 without attributes) that signs and can never be read out again. */
export async function signingKey(core: Bytes, kind: KeyKind): Promise<CryptoKey> {
  return crypto.subtle.importKey("pkcs8", core, kind === "rsa" ? RSA_ALGORITHM : EC_ALGORITHM, false, ["sign"]);
}

/** A new RSA key of 2048 bits, extractable so that it can be stored under its owner's password. */
export async function newRsaKey(): Promise<CryptoKeyPair> {
  const shape = { ...RSA_ALGORITHM, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  return crypto.subtle.generateKey(shape, true, ["sign", "verify"]);
}

/** A new P-256 key that never leaves this device. */
export async function newDeviceKey(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(EC_ALGORITHM, false, ["sign", "verify"]);
}

export async function publicKey(pair: CryptoKeyPair): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
}

/** Whether a private key (PKCS #8) belongs to a public one (SubjectPublicKeyInfo): signs and verifies a nothing. */
export async function belongsTo(core: Bytes, kind: KeyKind, spki: Bytes): Promise<boolean> {
  const probe = concat(new TextEncoder().encode("dojang key check\0"), spki);
  try {
    const key = await signingKey(core, kind);
    const shape = kind === "rsa" ? RSA_ALGORITHM : EC_ALGORITHM;
    const open = await crypto.subtle.importKey("spki", spki, shape, false, ["verify"]);
    const how = kind === "rsa" ? RSA_ALGORITHM : { name: "ECDSA", hash: "SHA-256" };
    const made = new Uint8Array(await crypto.subtle.sign(how, key, probe));
    return await crypto.subtle.verify(how, open, made, probe);
  } catch {
    return false;
  }
}
