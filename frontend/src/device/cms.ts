/** CMS SignedData version 1 (RFC 5652 §5) as relying parties in Korea take it: content inside, one signer by name. */
import { type Bytes, concat } from "./bytes";
import { readCertificate } from "./certificate";
import * as der from "./der";
import * as oids from "./oids";
import { kindOf, sign, signatureAlgorithm } from "./signing";

export interface SignOptions {
  /** Attributes with content type, digest and this time; without them the content itself is signed. */
  readonly at?: Date;
  /** Leave the content out. */
  readonly detached?: boolean;
  /** Further certificates to carry, DER. */
  readonly chain?: readonly Uint8Array[];
}

/** ContentInfo with SignedData over `content`; `certificate` is the signer's. */
export async function signedData(
  content: Uint8Array,
  certificate: Uint8Array,
  key: CryptoKey,
  options: SignOptions = {},
): Promise<Bytes> {
  const facts = readCertificate(certificate);
  const digest = der.sequence(der.oid(oids.SHA256), der.NULL_VALUE);
  const attributes = options.at ? await signedAttributes(content, options.at) : null;
  const kind = kindOf(key);
  const algorithm = kind === "rsa" ? der.sequence(der.oid(oids.RSA), der.NULL_VALUE) : signatureAlgorithm(kind);
  // The attributes are signed as a SET and carried as [0] (§5.4).
  const signature = await sign(key, attributes ? der.setOf(...attributes) : content);
  const signer = der.sequence(
    der.integer(1),
    der.sequence(facts.issuer, der.tlv(der.INTEGER, facts.serial)),
    digest,
    attributes ? retagged(der.setOf(...attributes), 0xa0) : new Uint8Array(0),
    algorithm,
    der.octetString(signature),
  );
  const inside = options.detached ? new Uint8Array(0) : der.explicit(0, der.octetString(content));
  const body = der.sequence(
    der.integer(1),
    der.setOf(digest),
    der.sequence(der.oid(oids.DATA), inside),
    retagged(der.setOf(certificate, ...(options.chain ?? [])), 0xa0),
    der.setOf(signer),
  );
  return der.sequence(der.oid(oids.SIGNED_DATA), der.explicit(0, body));
}

async function signedAttributes(content: Uint8Array, at: Date): Promise<Bytes[]> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(content)));
  const attribute = (dotted: string, value: Bytes): Bytes => der.sequence(der.oid(dotted), der.setOf(value));
  return [
    attribute(oids.CONTENT_TYPE, der.oid(oids.DATA)),
    attribute(oids.SIGNING_TIME, der.time(at)),
    attribute(oids.MESSAGE_DIGEST, der.octetString(hash)),
  ];
}

function retagged(element: Bytes, tag: number): Bytes {
  return concat(new Uint8Array([tag]), element.subarray(1));
}
