/** All modules of the device at once, for the tests. */
export * as ber from "../src/device/ber";
export * as bytes from "../src/device/bytes";
export * as certificate from "../src/device/certificate";
export * as cms from "../src/device/cms";
export * as csr from "../src/device/csr";
export * as der from "../src/device/der";
export * as folder from "../src/device/folder";
export * as hash from "../src/device/hash";
export * as keyfile from "../src/device/keyfile";
export * as oldCiphers from "../src/device/old-ciphers";
export * as passwords from "../src/device/passwords";
export * as pattern from "../src/device/pattern";
export * as pfx from "../src/device/pfx";
export * as seed from "../src/device/seed";
export * as signing from "../src/device/signing";
export * as zip from "../src/device/zip";
export * from "../src/device/index";
