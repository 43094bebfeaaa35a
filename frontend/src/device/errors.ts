/** What can go wrong with certificates on this device. `code` picks the sentence `error.<code>` shown to people. */
export type DeviceCode =
  | "wrong_password"
  | "file_damaged"
  | "form_unsupported"
  | "r_missing"
  | "password_weak"
  | "pattern_weak"
  | "key_mismatch"
  | "key_absent"
  | "storage_failed"
  | "device_unsupported";

export class DeviceError extends Error {
  readonly code: DeviceCode;
  /** Rules broken, for `password_weak` and `pattern_weak`; never anything secret. */
  readonly rules: readonly string[];

  constructor(code: DeviceCode, detail = "", rules: readonly string[] = []) {
    super(detail || code);
    this.name = "DeviceError";
    this.code = code;
    this.rules = rules;
  }
}

/** Sound as far as can be told, and in a form that is not read here. */
export function unsupported(form: string): DeviceError {
  return new DeviceError("form_unsupported", form);
}

/** The bytes are not what they claim to be. */
export function damaged(detail: string): DeviceError {
  return new DeviceError("file_damaged", detail);
}
