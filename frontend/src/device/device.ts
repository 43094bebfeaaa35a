/**
 * The keys of this device: made here, kept here, used here. A private key leaves only as a file under its owner's
 * password, and never at all for those that a pattern opens.
 *
 * Life of a new key: `makePasswordKey`/`makePatternKey` → the centre issues → `storeCertificate` → `confirmDelivery` (a
 * signature by which the centre knows that it arrived) → `finish`; or `discard`, and nothing is left.
 */
import { type Bytes, concat, own, random, same, toHex } from "./bytes";
import { type CertificateFacts, readCertificate } from "./certificate";
import { signedData, type SignOptions } from "./cms";
import { certificateRequest } from "./csr";
import { DeviceError } from "./errors";
import { pairs, readFolders, writeFolders } from "./folder";
import { openKeyFile, type PlainKey, requireRandom, sealKeyFile, type SealOptions, withRandom } from "./keyfile";
import { type About, requireGoodPassword } from "./passwords";
import { newPatternKey, proofKey, proofOf, requireGoodPattern } from "./pattern";
import { type PfxForm, readPfx, writePfx } from "./pfx";
import { belongsTo, newDeviceKey, newRsaKey, publicKey, sign, signingKey } from "./signing";
import { BY_PASSWORD, BY_PATTERN, type Opened, type PasswordRecord, type PatternRecord, type PendingRecord, type Shelf } from "./store";

const RANDOM_SIZE = 20;
const DELIVERY_LABEL = new TextEncoder().encode("dojang delivery\0");
const CHANGE_LABEL = new TextEncoder().encode("dojang pattern change\0");
/** A key whose certificate never came is thrown away after this long. */
const PENDING_LIFE = 24 * 3600 * 1000;
/** Once its certificate is here, a key waits this long for `finish`: it signs without a password until then. */
const DELIVERY_LIFE = 10 * 60 * 1000;

/** A certificate on this device, for lists. Nothing in it is secret. */
export interface Held {
  readonly id: string;
  readonly product: Opened;
  readonly certificate: Bytes;
  readonly chain: readonly Bytes[];
  readonly facts: CertificateFacts;
}

/** A key that was made and waits for its certificate. Octets; `sealedR` only for keys with a password. */
export interface MadeKey {
  readonly handle: string;
  /** PKCS #10. */
  readonly csr: Bytes;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Bytes;
}

export interface MadePasswordKey extends MadeKey {
  /** R under the signer's transport key (SubjectPublicKeyInfo, RSA-OAEP with SHA-256). */
  sealedR(transportKey: Uint8Array): Promise<Bytes>;
}

/** A key with a password in use. It is gone when the page forgets it. */
export interface OpenedKey {
  readonly held: Held;
  /** Bare signature: PKCS #1 v1.5 or ECDSA, SHA-256. */
  sign(data: Uint8Array): Promise<Bytes>;
  /** CMS SignedData. */
  signCms(content: Uint8Array, options?: SignOptions): Promise<Bytes>;
  /** R for a relying party that checks the identity number. Throws `r_missing`. */
  sealedR(transportKey: Uint8Array): Promise<Bytes>;
}

/** Which key signs: one on its way, or a stored one with its password. */
export type Target = { readonly handle: string } | { readonly id?: string; readonly password: string };

/** What was taken in from a folder, and what was damaged there. */
export interface Imported {
  readonly ids: readonly string[];
  readonly damaged: readonly string[];
}

export interface PatternProof {
  readonly mac: Bytes;
  /** ECDSA over the challenge, DER. */
  readonly signature: Bytes;
}

export interface PatternChange extends PatternProof {
  /** What the centre enrols: 32 octets. */
  readonly proofKey: Bytes;
}

export class Device {
  readonly #shelf: Shelf;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  // --- new keys ----------------------------------------------------------------------------------------------------

  /** A new RSA key with R, kept under `password`. Throws `password_weak`. */
  async makePasswordKey(password: string, options: { about?: About } & SealOptions = {}): Promise<MadePasswordKey> {
    requireGoodPassword(password, options.about);
    await this.#sweep();
    const pair = await newRsaKey();
    const spki = await publicKey(pair);
    const r = random(RANDOM_SIZE);
    const core = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
    const keyFile = await sealKeyFile(withRandom(core, r), password, options);
    const key = await signingKey(core, "rsa");
    core.fill(0);
    const handle = await this.#pend({ product: BY_PASSWORD, spki, key, keyFile, patternKey: null });
    const csr = await certificateRequest(spki, key);
    return { handle, csr, publicKey: spki, sealedR: (transportKey) => sealRandom(r, transportKey) };
  }

  /** A new P-256 key and a key for the pattern; neither can be read out. */
  async makePatternKey(): Promise<MadeKey> {
    await this.#sweep();
    const pair = await newDeviceKey();
    const spki = await publicKey(pair);
    const patternKey = await newPatternKey();
    const handle = await this.#pend({ product: BY_PATTERN, spki, key: pair.privateKey, keyFile: null, patternKey });
    return { handle, csr: await certificateRequest(spki, pair.privateKey), publicKey: spki };
  }

  /** What the centre enrols for a new key: 32 octets, to be sent once and kept sealed. Throws `pattern_weak`. */
  async enrolPattern(handle: string, pattern: string): Promise<Bytes> {
    requireGoodPattern(pattern);
    const { patternKey } = await this.#pending(handle);
    if (!patternKey) throw new DeviceError("key_absent");
    return proofKey(patternKey, pattern);
  }

  /** Stores the certificate that came for a key; twice is as good as once. Returns its id. Throws `key_mismatch`. */
  async storeCertificate(handle: string, certificate: Uint8Array, chain: readonly Uint8Array[] = []): Promise<string> {
    const pending = await this.#pending(handle);
    if (!same(readCertificate(certificate).spki, pending.spki)) throw new DeviceError("key_mismatch");
    const shared = { id: await idOf(certificate), certificate: own(certificate), chain: chain.map(own) };
    let record: PasswordRecord | PatternRecord;
    if (pending.keyFile) record = { sort: BY_PASSWORD, ...shared, keyFile: pending.keyFile };
    else if (pending.patternKey && pending.key) record = { sort: BY_PATTERN, ...shared, key: pending.key, patternKey: pending.patternKey };
    else throw new DeviceError("key_absent");
    await this.#shelf.put(record, { ...pending, storedAs: shared.id, made: Date.now() });
    return shared.id;
  }

  /** The signature that tells the centre that the certificate is stored here. */
  async confirmDelivery(handle: string, challenge: Uint8Array): Promise<Bytes> {
    const pending = await this.#pending(handle);
    if (!pending.storedAs || !pending.key) throw new DeviceError("key_absent");
    return sign(pending.key, concat(DELIVERY_LABEL, challenge));
  }

  /** The centre has confirmed: from now on only the password (or the pattern) opens the key. */
  async finish(handle: string): Promise<void> {
    await this.#shelf.remove("pending", handle);
  }

  /** Nothing came of it: key and certificate are thrown away. */
  async discard(handle: string): Promise<void> {
    const pending = (await this.#shelf.get("pending", handle)) as PendingRecord | null;
    if (pending?.storedAs) await this.#shelf.remove(pending.product, pending.storedAs);
    await this.#shelf.remove("pending", handle);
  }

  // --- what is here ------------------------------------------------------------------------------------------------

  /** Certificates on this device, the longest-living first. */
  async list(product?: Held["product"]): Promise<Held[]> {
    await this.#sweep();
    const records = await this.#shelf.all();
    return records
      .flatMap((one) => (one.sort === "pending" ? [] : [heldOf(one)]))
      .filter((one) => !product || one.product === product)
      .sort((one, other) => other.facts.notAfter.getTime() - one.facts.notAfter.getTime());
  }

  async remove(id: string): Promise<void> {
    await this.#shelf.remove(BY_PASSWORD, id);
    await this.#shelf.remove(BY_PATTERN, id);
  }

  // --- use ---------------------------------------------------------------------------------------------------------

  /** Opens a key by its password; without `id` the longest-living. Throws `wrong_password`, `file_damaged`, `key_absent`. */
  async openKey(password: string, id?: string): Promise<OpenedKey> {
    const record = await this.#byPassword(id);
    const plain = await openKeyFile(record.keyFile, password);
    const key = await signingKey(plain.core, plain.kind);
    const held = heldOf(record);
    return {
      held,
      sign: (data) => sign(key, data),
      signCms: (content, options) => signedData(content, record.certificate, key, options),
      sealedR: (transportKey) => sealRandom(requireRandom(plain), transportKey),
    };
  }

  /** A bare signature by a key on its way or by a key with its password. */
  async signWith(target: Target, data: Uint8Array): Promise<Bytes> {
    if ("handle" in target) {
      const { key } = await this.#pending(target.handle);
      if (!key) throw new DeviceError("key_absent");
      return sign(key, data);
    }
    return (await this.openKey(target.password, target.id)).sign(data);
  }

  /** Proof for the centre that this device and the right pattern are at work; without `id` the longest-living. */
  async patternProof(pattern: string, challenge: Uint8Array, id?: string): Promise<PatternProof> {
    const record = await this.#byPattern(id);
    const [mac, signature] = [await proofOf(record.patternKey, pattern, challenge), await sign(record.key, challenge)];
    return { mac, signature };
  }

  /** The signature of a key over a challenge, where finger or face stand in for the pattern. */
  async deviceSignature(challenge: Uint8Array, id?: string): Promise<Bytes> {
    return sign((await this.#byPattern(id)).key, challenge);
  }

  /**
   * Another pattern for a key: proof of the old one, and what the new one makes, signed together by the device.
   * Nothing is kept here: the pattern opens at the centre.
   */
  async changePattern(old: string, pattern: string, challenge: Uint8Array, id?: string): Promise<PatternChange> {
    requireGoodPattern(pattern);
    const record = await this.#byPattern(id);
    const fresh = await proofKey(record.patternKey, pattern);
    const signature = await sign(record.key, concat(CHANGE_LABEL, new Uint8Array(challenge), fresh));
    return { mac: await proofOf(record.patternKey, old, challenge), signature, proofKey: fresh };
  }

  /** CMS SignedData by a key with a pattern. The centre counts it only together with a proof of the pattern. */
  async signCmsWithPatternKey(content: Uint8Array, options?: SignOptions, id?: string): Promise<Bytes> {
    const record = await this.#byPattern(id);
    return signedData(content, record.certificate, record.key, options);
  }

  // --- files -------------------------------------------------------------------------------------------------------

  /** Another password for the same key. Throws `wrong_password`, `password_weak`. */
  async changePassword(id: string, old: string, password: string, options: { about?: About } & SealOptions = {}): Promise<void> {
    const record = await this.#byPassword(id);
    const plain = await openKeyFile(record.keyFile, old);
    requireGoodPassword(password, options.about);
    if (old === password) throw new DeviceError("password_weak", "", ["same"]);
    await this.#shelf.put({ ...record, keyFile: await sealKeyFile(plain.pkcs8, password, options) });
  }

  /** A PFX under the same password, R inside. `compatible` is for other Korean programs, `modern` for the rest. */
  async exportPfx(id: string, password: string, form: PfxForm = "compatible"): Promise<Bytes> {
    const record = await this.#byPassword(id);
    const plain = await openKeyFile(record.keyFile, password);
    return writePfx(plain.pkcs8, record.certificate, password, { form, chain: record.chain });
  }

  /** An archive with the folder layout; the key in it is re-encrypted in the form other programs open. */
  async exportFolder(id: string, password: string, options: SealOptions = {}): Promise<Bytes> {
    const record = await this.#byPassword(id);
    const plain = await openKeyFile(record.keyFile, password);
    const keyFile = await sealKeyFile(plain.pkcs8, password, { form: "seed", ...options });
    return writeFolders([{ certificate: record.certificate, keyFile }]);
  }

  /** Takes the key and certificate of a PFX in. Returns the id. */
  async importPfx(file: Uint8Array, password: string): Promise<string> {
    const content = await readPfx(file, password);
    return this.#take(content.key, content.certificate, content.chain, password);
  }

  /**
   * Takes certificates in from an archive, or from files by their paths. All of them must open under `password`, or
   * nothing is taken. Returns their ids, and the paths of those that are damaged and were left out.
   */
  async importFolder(source: Uint8Array | ReadonlyMap<string, Bytes>, password: string): Promise<Imported> {
    const found = source instanceof Uint8Array ? await readFolders(source) : pairs(source);
    const records: PasswordRecord[] = [];
    for (const { certificate, keyFile } of found.entries) {
      const plain = await openKeyFile(keyFile, password);
      records.push(await this.#joined(plain, certificate, [], password));
    }
    await this.#shelf.put(...records);
    return { ids: records.map((record) => record.id), damaged: found.damaged };
  }

  // --- inside ------------------------------------------------------------------------------------------------------

  async #take(key: PlainKey, certificate: Bytes, chain: readonly Bytes[], password: string): Promise<string> {
    const record = await this.#joined(key, certificate, chain, password);
    await this.#shelf.put(record);
    return record.id;
  }

  async #joined(key: PlainKey, certificate: Bytes, chain: readonly Bytes[], password: string): Promise<PasswordRecord> {
    const facts = readCertificate(certificate);
    if (!(await belongsTo(key.core, key.kind, facts.spki))) throw new DeviceError("key_mismatch");
    const keyFile = await sealKeyFile(key.pkcs8, password);
    return { sort: BY_PASSWORD, id: await idOf(certificate), certificate, chain, keyFile };
  }

  async #pend(made: Pick<PendingRecord, "product" | "spki" | "key" | "keyFile" | "patternKey">): Promise<string> {
    const id = toHex(random(16));
    await this.#shelf.put({ sort: "pending", id, ...made, storedAs: null, made: Date.now() });
    return id;
  }

  async #pending(handle: string): Promise<PendingRecord> {
    await this.#sweep();
    const found = await this.#shelf.get("pending", handle);
    if (found?.sort !== "pending") throw new DeviceError("key_absent");
    return found;
  }

  async #sweep(): Promise<void> {
    for (const record of await this.#shelf.all()) {
      if (record.sort !== "pending") continue;
      const age = Date.now() - record.made;
      if (age > PENDING_LIFE) await this.#shelf.remove("pending", record.id);
      // The record stays a while, so that `discard` still knows which certificate it was about.
      else if (record.storedAs && record.key && age > DELIVERY_LIFE) await this.#shelf.put({ ...record, key: null });
    }
  }

  async #byPassword(id?: string): Promise<PasswordRecord> {
    const found = await this.#shelf.get(BY_PASSWORD, id ?? (await this.list(BY_PASSWORD))[0]?.id ?? "");
    if (found?.sort !== BY_PASSWORD) throw new DeviceError("key_absent");
    return found;
  }

  async #byPattern(id?: string): Promise<PatternRecord> {
    const found = await this.#shelf.get(BY_PATTERN, id ?? (await this.list(BY_PATTERN))[0]?.id ?? "");
    if (found?.sort !== BY_PATTERN) throw new DeviceError("key_absent");
    return found;
  }
}

function heldOf(record: PasswordRecord | PatternRecord): Held {
  const { id, certificate, chain } = record;
  return { id, product: record.sort, certificate, chain, facts: readCertificate(certificate) };
}

/** SHA-256 of the certificate, hexadecimal. */
export async function idOf(certificate: Uint8Array): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", own(certificate))));
}

/** R for the one who may see it: RSA-OAEP with SHA-256 under a SubjectPublicKeyInfo. */
async function sealRandom(r: Bytes, transportKey: Uint8Array): Promise<Bytes> {
  const how = { name: "RSA-OAEP", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("spki", own(transportKey), how, false, ["encrypt"]);
  return new Uint8Array(await crypto.subtle.encrypt(how, key, r));
}
