/**
 * The worker of the app: keeps the shell for times without network, and shows what is pushed. Pages are always asked
 * of the centre; nothing personal is kept here.
 */
interface Shell {
  files: string[];
  offline: string;
  version: string;
  /** What subscribing again needs: the bank's key (base64url) and where to tell of it. */
  push: { key: string; renew: string };
}

interface WorkerEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface FetchLike extends WorkerEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

interface PushLike extends WorkerEvent {
  readonly data: { json(): unknown; text(): string } | null;
}

interface ChangeLike extends WorkerEvent {
  readonly oldSubscription?: PushSubscription | null;
  readonly newSubscription?: PushSubscription | null;
}

interface ClickLike extends WorkerEvent {
  readonly notification: Notification;
}

interface Client {
  readonly url: string;
  focus(): Promise<unknown>;
  navigate(url: string): Promise<unknown>;
}

interface WorkerScope extends EventTarget {
  SHELL: Shell;
  readonly registration: {
    showNotification(title: string, options: NotificationOptions): Promise<void>;
    readonly pushManager: PushManager;
  };
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: object): Promise<Client[]>;
    openWindow(url: string): Promise<unknown>;
  };
  skipWaiting(): Promise<void>;
}

const worker = self as unknown as WorkerScope;
const { files, offline, version, push } = worker.SHELL;
const CACHE = `dojang-${version}`;

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(files);
  // The page is kept as a stranger sees it: no cookies, nothing personal.
  const page = await fetch(offline, { credentials: "omit", cache: "no-store" });
  if (page.ok) await cache.put(offline, page);
  await worker.skipWaiting();
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith("dojang-") && name !== CACHE) await caches.delete(name);
  await worker.clients.claim();
}

async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(offline)) ?? Response.error();
  }
}

async function file(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

worker.addEventListener("install", (event) => (event as WorkerEvent).waitUntil(install()));
worker.addEventListener("activate", (event) => (event as WorkerEvent).waitUntil(activate()));
worker.addEventListener("fetch", (event) => {
  const asked = event as FetchLike;
  const url = new URL(asked.request.url);
  if (asked.request.method !== "GET" || url.origin !== location.origin) return;
  if (asked.request.mode === "navigate") asked.respondWith(page(asked.request));
  else if (files.includes(url.pathname + url.search) || url.pathname.startsWith("/static/dist/")) {
    asked.respondWith(file(asked.request));
  }
});
worker.addEventListener("push", (event) => {
  const pushed = event as PushLike;
  pushed.waitUntil(announce(pushed));
});
worker.addEventListener("pushsubscriptionchange", (event) => {
  const changed = event as ChangeLike;
  changed.waitUntil(renew(changed));
});
worker.addEventListener("notificationclick", (event) => {
  const clicked = event as ClickLike;
  clicked.notification.close();
  clicked.waitUntil(open((clicked.notification.data as { url?: string } | null)?.url ?? "/app/"));
});

/** The browser has ended its subscription: the bank is told of the next one, with the address of the one before. */
async function renew(event: ChangeLike): Promise<void> {
  const before = event.oldSubscription;
  if (!before || !push.key) return;
  const how = { userVisibleOnly: true, applicationServerKey: push.key };
  const next = event.newSubscription ?? (await worker.registration.pushManager.subscribe(how));
  const body = new URLSearchParams({ previous: before.endpoint, subscription: JSON.stringify(next) });
  await fetch(push.renew, { method: "POST", body, credentials: "same-origin" });
}

async function announce(event: PushLike): Promise<void> {
  let said: { title?: string; text?: string; url?: string; tag?: string } = {};
  try {
    said = (event.data?.json() ?? {}) as typeof said;
  } catch {
    said = { text: event.data?.text() ?? "" };
  }
  // Only addresses inside the app are opened, whoever pushed.
  const url = said.url?.startsWith("/app/") ? said.url : "/app/";
  const options: NotificationOptions = { body: said.text ?? "", icon: "/app/icon-192.png", badge: "/app/icon-192.png", data: { url } };
  if (said.tag) options.tag = said.tag;
  await worker.registration.showNotification(said.title ?? "", options);
}

async function open(url: string): Promise<void> {
  const [there] = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (!there) {
    await worker.clients.openWindow(url);
    return;
  }
  await there.focus();
  await there.navigate(url).catch(() => undefined);
}

export {};
