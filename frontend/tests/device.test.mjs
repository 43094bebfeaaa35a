/** The device's modules, run by Node: `DEVICE=<bundle> VECTORS=<npki.json> node --test frontend/tests/device.test.mjs`. */
import assert from "node:assert/strict";
import { createCipheriv, createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const d = await import(process.env.DEVICE);
const vectors = JSON.parse(readFileSync(process.env.VECTORS, "utf8"));
const { fromHex, toHex, fromBase64 } = d.bytes;
const PASSWORD = "Dojang!2947x";

const code = (expected) => (error) => {
  assert.ok(error instanceof d.DeviceError, `${error}`);
  assert.equal(error.code, expected);
  return true;
};

test("SEED meets the vectors of RFC 4269, both ways", () => {
  assert.equal(vectors.seed_blocks.length, 4);
  for (const one of vectors.seed_blocks) {
    assert.equal(toHex(d.seed.encryptBlock(fromHex(one.key), fromHex(one.plain))).toUpperCase(), one.cipher);
    assert.equal(toHex(d.seed.decryptBlock(fromHex(one.key), fromHex(one.cipher))).toUpperCase(), one.plain);
  }
});

test("SEED in CBC mode gives what OpenSSL gives", () => {
  const { key, iv, cases } = vectors.seed_cbc;
  for (const { plain, cipher } of cases) {
    assert.equal(toHex(d.seed.encryptCbc(fromHex(key), fromHex(iv), fromHex(plain))), cipher);
    assert.equal(toHex(d.seed.decryptCbc(fromHex(key), fromHex(iv), fromHex(cipher))), plain);
  }
});

test("the synchronous hashes agree with Node's", () => {
  for (const size of [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, 65537]) {
    const data = new Uint8Array(randomBytes(size));
    for (const name of ["sha1", "sha256"]) assert.equal(toHex(d.hash[name](data)), createHash(name).update(data).digest("hex"));
  }
});

test("triple DES agrees with OpenSSL's", () => {
  for (const size of [0, 1, 7, 8, 9, 100]) {
    const [key, iv, plain] = [24, 8, size].map((octets) => new Uint8Array(randomBytes(octets)));
    const cipher = createCipheriv("des-ede3-cbc", key, iv);
    const expected = Buffer.concat([cipher.update(plain), cipher.final()]);
    assert.equal(toHex(d.oldCiphers.tripleDesEncrypt(key, iv, plain)), expected.toString("hex"));
    assert.deepEqual(d.oldCiphers.tripleDesDecrypt(key, iv, expected), plain);
  }
});

test("every form of key file opens, with R", async () => {
  assert.equal(vectors.files.length, 12);
  for (const { file, password, form } of vectors.files) {
    const key = await d.keyfile.openKeyFile(fromBase64(file), password);
    assert.equal(d.toBase64(key.pkcs8), vectors.pkcs8, form);
    assert.equal(d.toBase64(key.core), vectors.core, form);
    assert.equal(toHex(key.r), vectors.r, form);
  }
});

test("a wrong password is called so in every form", async () => {
  for (const { file } of vectors.files) {
    for (const wrong of ["", "Dojang!2947X", "도장찍는날!28", "🎉"]) {
      await assert.rejects(d.keyfile.openKeyFile(fromBase64(file), wrong), code("wrong_password"));
    }
  }
});

test("what is written is read, in both forms", async () => {
  const pkcs8 = fromBase64(vectors.pkcs8);
  for (const form of ["seed", "aes"]) {
    const file = await d.keyfile.sealKeyFile(pkcs8, PASSWORD, { form, iterations: 2048 });
    assert.deepEqual((await d.keyfile.openKeyFile(file, PASSWORD)).pkcs8, pkcs8);
  }
  await assert.rejects(d.keyfile.sealKeyFile(pkcs8, PASSWORD, { iterations: 2047 }), RangeError);
});

test("the derivation is the one that was asked for", async () => {
  const file = await d.keyfile.sealKeyFile(fromBase64(vectors.pkcs8), PASSWORD);
  const body = d.der.whole(file).enter();
  assert.equal(body.oid(), "1.2.840.113549.1.5.13");
  const parameters = body.enter();
  const kdf = parameters.enter();
  assert.equal(kdf.oid(), "1.2.840.113549.1.5.12");
  const inner = kdf.enter();
  assert.equal(inner.octets().length, 8);
  assert.equal(inner.small(), 100_000);
  assert.equal(inner.more, false); // HMAC-SHA1 by default, which older readers take for granted
});

test("a pattern's proof follows the formulas", async () => {
  const { device_key, pattern, challenge, proof_key, proof } = vectors.pattern;
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", fromHex(device_key), hmac, false, ["sign"]);
  assert.equal(toHex(await d.pattern.proofKey(key, pattern)), proof_key);
  assert.equal(toHex(await d.pattern.proofOf(key, pattern, fromHex(challenge))), proof);
});

test("patterns that are too easy are refused", () => {
  const cases = { "0124678": "", "4036": "", "012": "points,line", "0123": "line", "8765": "line", "0120": "twice", "019a": "dots", "": "points" };
  for (const [pattern, faults] of Object.entries(cases)) assert.equal(d.patternFaults(pattern).join(), faults, pattern);
});

test("passwords are judged by every rule", () => {
  const about = { id: "gildong7", birth: "1990-04-12", phone: "010-0000-5831" };
  const cases = {
    "Dojang!2947x": "", "Dojang!29": "length", "Dojangdojang!": "classes", "dojang29470": "classes", "!2947!2947!2": "classes",
    "Dojang!2999x": "run", "Dojang!2abcx": "run", "Dojang!2CbAx": "run", "Dojang!2789x": "run", "Dojang!2987x": "run",
    "Dojang!!!29x": "run", "Dojang!2946도": "characters", "Dojang !2947x": "characters", "x!GilDong7!xy": "personal",
    "Dojang!0412x": "personal", "Doj!900412xz": "personal", "Dojang!5831x": "personal",
  };
  for (const [password, faults] of Object.entries(cases)) assert.equal(d.passwordFaults(password, about).join(), faults, password);
  assert.equal(d.passwordFaults(`${"aB3!".repeat(16)}x`).join(), "long");
});

test("Korean passwords become CP949", () => {
  // Node's decoder knows EUC-KR only; the syllables beyond it are tried in the browser.
  assert.equal(toHex(d.passwords.passwordBytes("도장a")), "b5b5c0e561");
});

test("requests are signed by their key and keep the empty attributes", async () => {
  for (const make of [d.signing.newRsaKey, d.signing.newDeviceKey]) {
    const pair = await make();
    const spki = await d.signing.publicKey(pair);
    const csr = await d.csr.certificateRequest(spki, pair.privateKey);
    const info = d.der.whole(csr).enter();
    assert.equal(info.small(), 0);
    info.raw();
    assert.deepEqual(info.raw(), spki);
    assert.equal(toHex(info.raw()), "a000");
    assert.equal(info.more, false);
  }
});

test("archives hold what was put in, and refuse what climbs out", async () => {
  const files = new Map([["a/signCert.der", new Uint8Array([1, 2, 3])], ["가/b", new Uint8Array(0)]]);
  assert.deepEqual(await d.zip.readZip(d.zip.writeZip(files)), files);
  for (const path of ["../x", "/x", "a/../../x", "..\\x"]) {
    await assert.rejects(d.zip.readZip(d.zip.writeZip(new Map([[path, new Uint8Array(1)]]))), code("file_damaged"));
  }
  const changed = d.zip.writeZip(files);
  changed[30 + "a/signCert.der".length] ^= 1;
  await assert.rejects(d.zip.readZip(changed), code("file_damaged"));
  await assert.rejects(d.zip.readZip(d.zip.writeZip(files).slice(0, -30)), code("file_damaged"));
});

test("junk is refused with our own error, quickly", async () => {
  let state = 20260302;
  const chance = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const small = vectors.files.filter((one) => one.kind === "ascii").map((one) => fromBase64(one.file));
  const targets = [
    ...small.map((file) => [file, (data) => d.keyfile.openKeyFile(data, PASSWORD)]),
    [fromBase64(vectors.pkcs8), async (data) => d.keyfile.readPlainKey(data)],
    [d.zip.writeZip(new Map([["a/b", new Uint8Array(40)]])), d.zip.readZip],
  ];
  for (const [right, read] of targets) {
    for (let round = 0; round < 400; round += 1) {
      let data = Uint8Array.from(right);
      for (let times = 1 + chance(3); times > 0; times -= 1) {
        const at = chance(chance(2) ? Math.min(120, data.length) : data.length);
        if (chance(3) === 0) data = d.bytes.concat(data.slice(0, at), data.slice(at + 1 + chance(8)));
        else data[at] = chance(256);
        if (!data.length) data = new Uint8Array(1);
      }
      const began = performance.now();
      try {
        await read(data);
      } catch (error) {
        assert.ok(error instanceof d.DeviceError, `${error.stack} ${toHex(data.slice(0, 150))}`);
      }
      assert.ok(performance.now() - began < 10_000);
    }
  }
});

test("a key that waits can only be used for its own certificate", async () => {
  const device = new d.Device(d.memoryShelf());
  await assert.rejects(device.makePasswordKey("short"), code("password_weak"));
  const made = await device.makePasswordKey(PASSWORD);
  const other = await device.makePatternKey();
  await assert.rejects(device.confirmDelivery(made.handle, randomBytes(32)), code("key_absent"));
  await assert.rejects(device.enrolPattern(other.handle, "0123"), code("pattern_weak"));
  await assert.rejects(device.enrolPattern(made.handle, "0124678"), code("key_absent"));
  assert.equal((await device.enrolPattern(other.handle, "0124678")).length, 32);
  await device.discard(made.handle);
  await assert.rejects(device.signWith({ handle: made.handle }, randomBytes(32)), code("key_absent"));
  await assert.rejects(device.openKey(PASSWORD), code("key_absent"));
  assert.deepEqual(await device.list(), []);
});

test("R travels only under the transport key", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const device = new d.Device(d.memoryShelf());
  const made = await device.makePasswordKey(PASSWORD);
  const sealed = await made.sealedR(new Uint8Array(publicKey.export({ type: "spki", format: "der" })));
  const how = { name: "RSA-OAEP", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("pkcs8", privateKey.export({ type: "pkcs8", format: "der" }), how, false, ["decrypt"]);
  assert.equal((await crypto.subtle.decrypt(how, key, sealed)).byteLength, 20);
  assert.deepEqual(Object.keys(made).sort(), ["csr", "handle", "publicKey", "sealedR"]);
});

test("a key that waited too long is gone, and signs no more without its password", async () => {
  const shelf = d.memoryShelf();
  const device = new d.Device(shelf);
  for (const [storedAs, minutes, left] of [[null, 23 * 60, true], [null, 25 * 60, false], ["x", 9, true], ["x", 11, false]]) {
    const { handle } = await device.makePatternKey();
    const record = await shelf.get("pending", handle);
    await shelf.put({ ...record, storedAs, made: Date.now() - minutes * 60_000 });
    const signed = device.signWith({ handle }, randomBytes(32));
    if (left) assert.ok((await signed).length > 60);
    else await assert.rejects(signed, code("key_absent"));
    const kept = await shelf.get("pending", handle);
    assert.equal(Boolean(kept?.key), left);
    assert.equal(kept !== null, left || storedAs !== null);
  }
});
