/**
 * Finger or face in place of the pattern (WebAuthn). The telephone's own keeper answers the centre's challenge, the key
 * of the certificate signs it as always; no finger and no face leaves the telephone.
 *
 * - `<biometric-check>`: shows `[data-can]` or `[data-cannot]`, as this telephone is.
 * - `<biometric-setup data-options data-challenge>`: makes the keeper's credential and sends it.
 * - `<biometric-unlock data-challenge data-credential data-rp>`: stands before a `<pattern-lock>` of the same form, and
 *   steps aside where this telephone cannot, or its owner would rather draw.
 */
import { device, DeviceError, fromBase64, toBase64 } from "../device";
import { word } from "../words";
import { complain, fill, formOf, send } from "./form";
import { sentence } from "./sayings";

const SECONDS = 60;
const encode = (octets: ArrayBuffer): string =>
  toBase64(new Uint8Array(octets)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const decode = (text: string): ReturnType<typeof fromBase64> => {
  const plain = text.replaceAll("-", "+").replaceAll("_", "/");
  return fromBase64(plain + "=".repeat((4 - (plain.length % 4)) % 4));
};
const packed = (answer: object): string => toBase64(new TextEncoder().encode(JSON.stringify(answer)));

/** Whether this telephone has a keeper that knows its owner. */
async function isAble(): Promise<boolean> {
  if (!("PublicKeyCredential" in globalThis)) return false;
  return PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().catch(() => false);
}

/** What all answers have in common, as the JSON forms of the standard say. */
function shared(made: PublicKeyCredential): Record<string, unknown> {
  return {
    id: made.id,
    rawId: encode(made.rawId),
    type: made.type,
    authenticatorAttachment: made.authenticatorAttachment ?? undefined,
    clientExtensionResults: {},
  };
}

async function register(options: PublicKeyCredentialCreationOptionsJSON): Promise<string> {
  const publicKey: PublicKeyCredentialCreationOptions = {
    rp: options.rp,
    pubKeyCredParams: options.pubKeyCredParams as PublicKeyCredentialParameters[],
    user: { ...options.user, id: decode(options.user.id) },
    challenge: decode(options.challenge),
    timeout: options.timeout ?? SECONDS * 1000,
    attestation: "none",
    authenticatorSelection: options.authenticatorSelection ?? {},
  };
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const response = made.response as AuthenticatorAttestationResponse;
  return packed({
    ...shared(made),
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      attestationObject: encode(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  });
}

async function assert(challenge: ReturnType<typeof fromBase64>, credential: string, rpId: string): Promise<string> {
  const publicKey: PublicKeyCredentialRequestOptions = {
    challenge,
    rpId,
    allowCredentials: [{ type: "public-key", id: decode(credential), transports: ["internal"] }],
    userVerification: "required",
    timeout: SECONDS * 1000,
  };
  const made = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  const response = made.response as AuthenticatorAssertionResponse;
  return packed({
    ...shared(made),
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      authenticatorData: encode(response.authenticatorData),
      signature: encode(response.signature),
      userHandle: response.userHandle ? encode(response.userHandle) : undefined,
    },
  });
}

/** A button that works at one thing at a time and says what went wrong. */
abstract class Presser extends HTMLElement {
  protected press(act: () => Promise<void>, failed: () => void): void {
    const button = this.querySelector<HTMLElement>("[data-go]");
    if (!button || button.getAttribute("aria-busy")) return;
    complain(this, "");
    button.setAttribute("aria-busy", "true");
    act().catch((error: unknown) => {
      button.removeAttribute("aria-busy");
      failed();
      complain(this, error instanceof DeviceError ? sentence(error) : word("biometric_failed"));
    });
  }
}

export class BiometricCheck extends HTMLElement {
  connectedCallback(): void {
    void isAble().then((able) => {
      this.querySelector("[data-can]")?.toggleAttribute("hidden", !able);
      this.querySelector("[data-cannot]")?.toggleAttribute("hidden", able);
      this.dataset["state"] = able ? "can" : "cannot";
    });
  }
}

export class BiometricSetup extends Presser {
  connectedCallback(): void {
    this.querySelector("[data-go]")?.addEventListener("click", () => this.press(() => this.#make(), () => undefined));
  }

  async #make(): Promise<void> {
    const form = formOf(this);
    if (!form) return;
    const options = JSON.parse(this.dataset["options"] ?? "{}") as PublicKeyCredentialCreationOptionsJSON;
    fill(form, "credential", await register(options));
    fill(form, "signature", toBase64(await device().deviceSignature(fromBase64(this.dataset["challenge"] ?? ""))));
    send(form, "register");
  }
}

export class BiometricUnlock extends Presser {
  connectedCallback(): void {
    this.querySelector("[data-go]")?.addEventListener("click", () => this.press(() => this.#open(), () => this.#draw(false)));
    this.querySelector("[data-pattern]")?.addEventListener("click", () => this.#draw(true));
    void this.#offer();
  }

  async #offer(): Promise<void> {
    if (location.hostname !== this.dataset["rp"] || !(await isAble())) return;
    this.hidden = false;
    this.dataset["state"] = "ready";
  }

  /** Steps aside for the pattern, which was there all along. */
  #draw(asked: boolean): void {
    this.dataset["state"] = "pattern";
    this.querySelector("[data-pattern]")?.setAttribute("hidden", "");
    if (asked) formOf(this)?.querySelector<HTMLElement>(".pattern__dot[tabindex='0']")?.focus();
  }

  async #open(): Promise<void> {
    const form = formOf(this);
    if (!form) return;
    const asked = form.querySelector<HTMLInputElement>("input[required]:invalid");
    if (asked) {
      this.querySelector("[data-go]")?.removeAttribute("aria-busy");
      complain(this, word("pattern_needs"));
      asked.focus();
      return;
    }
    const challenge = fromBase64(this.dataset["challenge"] ?? "");
    fill(form, "signature", toBase64(await device().deviceSignature(challenge)));
    fill(form, "assertion", await assert(challenge, this.dataset["credential"] ?? "", this.dataset["rp"] ?? ""));
    send(form, "submit");
  }
}
