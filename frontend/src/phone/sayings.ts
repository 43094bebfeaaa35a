/** Sentences for what goes wrong on the device. */
import { DeviceError } from "../device";
import { word } from "../words";

export function sentence(error: unknown): string {
  const code = error instanceof DeviceError ? error.code : "device_unsupported";
  if (error instanceof DeviceError && error.rules.includes("same")) return word("error_password_same");
  const form = error instanceof DeviceError ? error.message : "";
  return word(`error_${code}`, { form }) || word("error_device_unsupported");
}
