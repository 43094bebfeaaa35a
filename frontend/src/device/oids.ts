/** Object identifiers in use on the device, by the names their standards give them. */
export const RSA = "1.2.840.113549.1.1.1";
export const RSA_SHA256 = "1.2.840.113549.1.1.11";
export const EC_KEY = "1.2.840.10045.2.1";
export const P256 = "1.2.840.10045.3.1.7";
export const ECDSA_SHA256 = "1.2.840.10045.4.3.2";
export const SHA1 = "1.3.14.3.2.26";
export const SHA384 = "2.16.840.1.101.3.4.2.2";
export const SHA512 = "2.16.840.1.101.3.4.2.3";
export const SHA256 = "2.16.840.1.101.3.4.2.1";
export const COMMON_NAME = "2.5.4.3";

// Password-based encryption (RFC 8018) and the Korean ciphers (KCAC.TS.ENC, RFC 4010)
export const PBES2 = "1.2.840.113549.1.5.13";
export const SCRYPT = "1.3.6.1.4.1.11591.4.11";
export const PBMAC1 = "1.2.840.113549.1.5.14";
export const PBKDF2 = "1.2.840.113549.1.5.12";
export const HMAC_SHA1 = "1.2.840.113549.2.7";
export const HMAC_SHA256 = "1.2.840.113549.2.9";
export const HMAC_SHA384 = "1.2.840.113549.2.10";
export const HMAC_SHA512 = "1.2.840.113549.2.11";
export const AES128_CBC = "2.16.840.1.101.3.4.1.2";
export const AES256_CBC = "2.16.840.1.101.3.4.1.42";
export const DES_EDE3_CBC = "1.2.840.113549.3.7";
export const SEED_CBC = "1.2.410.200004.1.4";
export const SEED_CBC_WITH_SHA1 = "1.2.410.200004.1.15";
export const NPKI_RANDOM = "1.2.410.200004.10.1.1.3";

// CMS (RFC 5652)
export const DATA = "1.2.840.113549.1.7.1";
export const SIGNED_DATA = "1.2.840.113549.1.7.2";
export const ENCRYPTED_DATA = "1.2.840.113549.1.7.6";
export const CONTENT_TYPE = "1.2.840.113549.1.9.3";
export const MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
export const SIGNING_TIME = "1.2.840.113549.1.9.5";

// PKCS #12 (RFC 7292)
export const PBE_RC2_128 = "1.2.840.113549.1.12.1.5";
export const PBE_RC2_40 = "1.2.840.113549.1.12.1.6";
export const PBE_3DES = "1.2.840.113549.1.12.1.3";
export const PBE_2DES = "1.2.840.113549.1.12.1.4";
export const KEY_BAG = "1.2.840.113549.1.12.10.1.1";
export const SHROUDED_BAG = "1.2.840.113549.1.12.10.1.2";
export const CERT_BAG = "1.2.840.113549.1.12.10.1.3";
export const X509_CERTIFICATE = "1.2.840.113549.1.9.22.1";
export const FRIENDLY_NAME = "1.2.840.113549.1.9.20";
export const LOCAL_KEY_ID = "1.2.840.113549.1.9.21";
