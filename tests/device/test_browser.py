"""The device in a real browser: what is kept survives a reload, and no script can read the keys out."""

from __future__ import annotations

import base64
import hmac
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from tests.device.bridge import octets
from tests.unit.pki.kit import IDN
from tests.unit.pki.npki.kit import NOW, PASSWORD, certificate, ours, pkcs8

from dojang.pki.build import end_of_day
from dojang.pki.cms import verify_signed_data
from dojang.pki.npki import folder, keyfile, pfx
from dojang.pki.npki.vid import IdentifyData, compute_vid
from dojang.pki.requests import read_request
from dojang.pki.signing import verify_signature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

#: Calls a method of the device with octets as base64, and brings octets back so.
CALL = """async ([path, ...given]) => {
  const d = await import("/device.mjs");
  const into = (one) => one && one.octets !== undefined ? d.fromBase64(one.octets)
    : Array.isArray(one) ? one.map(into) : one;
  const out = (one) => one instanceof Uint8Array ? d.toBase64(one)
    : one instanceof Date ? one.toISOString()
    : one && typeof one === "object" ? Object.fromEntries(Object.entries(one)
      .filter(([, value]) => typeof value !== "function").map(([name, value]) => [name, out(value)]))
    : one;
  try {
    return out(await d.device()[path](...given.map(into)));
  } catch (error) {
    if (error instanceof d.DeviceError) return { error: error.code };
    throw error;
  }
}"""
#: Everything in the browser's store, and what happens when a script tries to read each key out.
STEAL = """async () => {
  const database = await new Promise((done) => {
    const request = indexedDB.open("dojang-device");
    request.onsuccess = () => done(request.result);
  });
  const records = await new Promise((done) => {
    const request = database.transaction("records").objectStore("records").getAll();
    request.onsuccess = () => done(request.result);
  });
  const found = [];
  for (const record of records) {
    for (const [name, value] of Object.entries(record)) {
      if (!(value instanceof CryptoKey)) continue;
      for (const form of ["pkcs8", "raw", "jwk"]) {
        const told = await crypto.subtle.exportKey(form, value).then(() => "out", (error) => error.name);
        found.push([record.sort, name, told]);
      }
    }
  }
  return { sorts: records.map((one) => one.sort).sort(), found };
}"""


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(name="site", scope="module")
def _site(bundled: Path) -> Iterator[str]:
    (bundled.parent / "index.html").write_text("<!doctype html><title>device</title>", "utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(bundled.parent)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


@pytest.fixture(name="telephone")
def _telephone(page: Page, site: str) -> Page:
    page.set_default_timeout(30_000)
    page.goto(site)
    return page


def _ask(page: Page, method: str, *given: Any) -> Any:
    def sent(value: Any) -> Any:
        if isinstance(value, bytes):
            return {"octets": base64.b64encode(value).decode()}
        return [sent(one) for one in value] if isinstance(value, list) else value

    return page.evaluate(CALL, [method, *map(sent, given)])


def test_certificates_outlive_the_page(telephone: Page) -> None:
    """A joint and a bank certificate are made and stored; after a reload both still work as the same ones."""
    joint, bank = _ask(telephone, "makePasswordKey", PASSWORD), _ask(telephone, "makePatternKey")
    proof_key = octets(_ask(telephone, "enrolPattern", bank["handle"], "0124678"))
    telephone.reload()  # the pages of a journey come one after another
    issued = {}
    for made, profile in ((joint, "joint"), (bank, "bank")):
        key = read_request(octets(made["csr"])).public_key
        identify = IdentifyData("홍길동", compute_vid(IDN, bytes(20))) if profile == "joint" else None
        issued[profile] = ours().certificate(
            profile=profile, public_key=key, identify=identify, not_after=end_of_day(NOW, 365)
        )
        _ask(telephone, "storeCertificate", made["handle"], issued[profile], [ours().issuing])
        label = b"dojang delivery\0" + bytes(range(32))
        signature = octets(_ask(telephone, "confirmDelivery", made["handle"], bytes(range(32))))
        kind = "rsa-sha256" if profile == "joint" else "ecdsa-sha256"
        verify_signature(key, kind, label, signature)
        _ask(telephone, "finish", made["handle"])
    telephone.reload()
    assert {one["product"] for one in _ask(telephone, "list").values()} == {"joint", "bank"}
    archive = octets(_ask(telephone, "exportFolder", _id(telephone, "joint"), PASSWORD))
    (entry,) = folder.read_zip(archive).entries
    assert entry.certificate == issued["joint"]
    assert keyfile.open_key_file(entry.key_file, PASSWORD).r is not None
    challenge = bytes(range(32))
    proof = _ask(telephone, "patternProof", "0124678", challenge)
    assert octets(proof["mac"]) == hmac.digest(proof_key, challenge, "sha256")
    verified = verify_signed_data(octets(_ask(telephone, "signCmsWithPatternKey", b"text")))
    assert verified.signers[0].certificate == issued["bank"]


def _id(page: Page, product: str) -> str:
    found = [one["id"] for one in _ask(page, "list").values() if one["product"] == product]
    assert len(found) == 1
    return str(found[0])


def test_no_script_reads_a_key_out(telephone: Page) -> None:
    """Whatever runs in the page can use the keys of a bank certificate but take none of them away."""
    _ask(telephone, "makePatternKey")
    _ask(telephone, "makePasswordKey", PASSWORD)
    seen = telephone.evaluate(STEAL)
    assert seen["sorts"] == ["pending", "pending"]
    assert len(seen["found"]) == 9  # three keys, three ways each
    assert {told for _, _, told in seen["found"]} == {"InvalidAccessError"}


def test_what_is_discarded_leaves_the_store(telephone: Page) -> None:
    """A key whose certificate never came is not kept."""
    made = _ask(telephone, "makePasswordKey", PASSWORD)
    _ask(telephone, "discard", made["handle"])
    assert telephone.evaluate(STEAL) == {"sorts": [], "found": []}


@pytest.mark.parametrize("password", [PASSWORD, "도장찍는날!29", "똠방각하!2947x"])
def test_files_are_taken_in_and_given_out(telephone: Page, password: str) -> None:
    """A PFX and a folder from elsewhere, with passwords in letters and in Korean, also beyond EUC-KR."""
    made = pfx.write_pfx(pkcs8(), certificate(), password, form="modern", chain=[ours().issuing])
    taken = _ask(telephone, "importPfx", made, password)
    assert _ask(telephone, "importPfx", made, "Dojang!2947X") == {"error": "wrong_password"}
    given = octets(_ask(telephone, "exportPfx", taken, password))
    assert pfx.read_pfx(given, password).key.pkcs8 == pkcs8()
    key_file = keyfile.seal_key_file(pkcs8(), password)
    archive = folder.write_zip([folder.KeyPair(certificate(), key_file)])
    assert _ask(telephone, "importFolder", archive, password)["ids"] == {"0": taken}
    (entry,) = folder.read_zip(octets(_ask(telephone, "exportFolder", taken, password))).entries
    assert keyfile.open_key_file(entry.key_file, password).pkcs8 == pkcs8()
    assert len(_ask(telephone, "list")) == 1
