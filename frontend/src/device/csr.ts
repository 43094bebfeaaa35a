/** Certification requests, PKCS #10 (RFC 2986). */
import type { Bytes } from "./bytes";
import * as der from "./der";
import * as oids from "./oids";
import { kindOf, sign, signatureAlgorithm } from "./signing";

/**
 * A request signed by the key itself: the proof that we hold it. The name is the centre's to choose, so none is asked
 * for unless given. The attributes stand there although there are none (`A0 00`): they are not optional.
 */
export async function certificateRequest(spki: Bytes, key: CryptoKey, commonName = ""): Promise<Bytes> {
  const pair = der.sequence(der.oid(oids.COMMON_NAME), der.utf8(commonName));
  const name = commonName ? der.sequence(der.setOf(pair)) : der.sequence();
  const info = der.sequence(der.integer(0), name, spki, der.explicit(0));
  return der.sequence(info, signatureAlgorithm(kindOf(key)), der.bitString(await sign(key, info)));
}
