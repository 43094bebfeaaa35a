/**
 * The device at the other end of a pipe: one JSON question a line, one JSON answer a line.
 * `node bridge.mjs <bundle>`. Octets are base64. A `DeviceError` is answered as `{"error": code}`.
 */
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const d = await import(pathToFileURL(process.argv[2]));
const device = new d.Device(d.memoryShelf());
const made = new Map();
const [into, out] = [d.fromBase64, d.toBase64];
const opened = (key) => ({ pkcs8: out(key.pkcs8), r: key.r && out(key.r) });

const ACTS = {
  open: async ({ file, password }) => opened(await d.keyfile.openKeyFile(into(file), password)),
  seal: async ({ pkcs8, password, form }) => ({ file: out(await d.keyfile.sealKeyFile(into(pkcs8), password, { form })) }),
  read_pfx: async ({ file, password }) => {
    const { key, certificate, chain } = await d.pfx.readPfx(into(file), password);
    return { ...opened(key), certificate: out(certificate), chain: chain.map(out) };
  },
  write_pfx: async ({ pkcs8, certificate, chain, password, form }) => {
    const options = { form, chain: chain.map(into), friendlyName: "홍길동" };
    return { file: out(await d.pfx.writePfx(into(pkcs8), into(certificate), password, options)) };
  },
  read_folders: async ({ file }) => {
    const { entries, damaged } = await d.folder.readFolders(into(file));
    return { entries: entries.map((one) => [out(one.certificate), out(one.keyFile)]), damaged };
  },
  read_certificate: async ({ file }) => ({ subject: d.readCertificate(into(file)).subjectText }),
  make_joint: async ({ password, transport }) => {
    const key = await device.makePasswordKey(password);
    made.set(key.handle, key);
    return { handle: key.handle, csr: out(key.csr), sealed_r: out(await key.sealedR(into(transport))) };
  },
  make_bank: async () => {
    const key = await device.makePatternKey();
    return { handle: key.handle, csr: out(key.csr) };
  },
  enrol: async ({ handle, pattern }) => ({ proof_key: out(await device.enrolPattern(handle, pattern)) }),
  store: async ({ handle, certificate, chain }) => ({ id: await device.storeCertificate(handle, into(certificate), chain.map(into)) }),
  confirm: async ({ handle, challenge }) => ({ signature: out(await device.confirmDelivery(handle, into(challenge))) }),
  finish: async ({ handle }) => ({ done: await device.finish(handle) }),
  discard: async ({ handle }) => ({ done: await device.discard(handle) }),
  list: async () => ({ held: (await device.list()).map(({ id, product, facts }) => ({ id, product, subject: facts.subjectText })) }),
  remove: async ({ id }) => ({ done: await device.remove(id) }),
  sign: async ({ target, data }) => ({ signature: out(await device.signWith(target, into(data))) }),
  sign_cms: async ({ password, content, at, detached }) => {
    const key = await device.openKey(password);
    return { cms: out(await key.signCms(into(content), { ...(at ? { at: new Date(at) } : {}), detached })) };
  },
  sign_cms_bank: async ({ content }) => ({ cms: out(await device.signCmsWithPatternKey(into(content), { at: new Date() })) }),
  prove: async ({ pattern, challenge }) => {
    const proof = await device.patternProof(pattern, into(challenge));
    return { mac: out(proof.mac), signature: out(proof.signature) };
  },
  change: async ({ id, old, password }) => ({ done: await device.changePassword(id, old, password) }),
  export_pfx: async ({ id, password, form }) => ({ file: out(await device.exportPfx(id, password, form)) }),
  export_folder: async ({ id, password }) => ({ file: out(await device.exportFolder(id, password)) }),
  import_pfx: async ({ file, password }) => ({ id: await device.importPfx(into(file), password) }),
  import_folder: ({ file, password }) => device.importFolder(into(file), password),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { act, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = await ACTS[act](rest);
  } catch (error) {
    if (!(error instanceof d.DeviceError)) throw error;
    answer = { error: error.code, rules: error.rules, ...(error.code === "form_unsupported" ? { detail: error.message } : {}) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
