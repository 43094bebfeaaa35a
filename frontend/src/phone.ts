/** The app: everything that needs keys of this device. Loaded below `/app/` only. */
import { BiometricCheck, BiometricSetup, BiometricUnlock } from "./phone/biometric";
import { CertificateSign } from "./phone/certificate-sign";
import { ChangePattern } from "./phone/change-pattern";
import { CopyCertificate } from "./phone/copy-certificate";
import { DeliverCertificate } from "./phone/deliver-certificate";
import { DeviceCheck } from "./phone/device-check";
import { DeviceKey } from "./phone/device-key";
import { DeviceStore } from "./phone/device-store";
import { introduce } from "./phone/identity";
import { AppFacts, InstallApp, serveOffline, UpdateApp } from "./phone/install";
import { PasswordProof } from "./phone/password-proof";
import { MySeals } from "./phone/my-seals";
import { PatternLock } from "./phone/pattern-lock";
import { PushSwitch } from "./phone/push-switch";
import { settle } from "./phone/settle";

if (document.documentElement.classList.contains("app")) {
  introduce();
  serveOffline();
}
void settle();
customElements.define("device-check", DeviceCheck);
customElements.define("device-key", DeviceKey);
customElements.define("deliver-certificate", DeliverCertificate);
customElements.define("pattern-lock", PatternLock);
customElements.define("change-pattern", ChangePattern);
customElements.define("certificate-sign", CertificateSign);
customElements.define("biometric-check", BiometricCheck);
customElements.define("biometric-setup", BiometricSetup);
customElements.define("biometric-unlock", BiometricUnlock);
customElements.define("device-store", DeviceStore);
customElements.define("copy-certificate", CopyCertificate);
customElements.define("password-proof", PasswordProof);
customElements.define("my-seals", MySeals);
customElements.define("push-switch", PushSwitch);
customElements.define("install-app", InstallApp);
customElements.define("update-app", UpdateApp);
customElements.define("app-facts", AppFacts);
