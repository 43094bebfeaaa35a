/** Where the device keeps certificates and keys: IndexedDB, which can hold keys that scripts cannot read. */
import type { Bytes } from "./bytes";
import { DeviceError } from "./errors";

/**
 * What opens a key: its owner's password, or a pattern. Customers' devices hold records under these two words since the
 * first release: the ids of the products that were the first to be opened so. They are said here and nowhere else.
 */
export const BY_PASSWORD = "joint";
export const BY_PATTERN = "bank";
export type Opened = typeof BY_PASSWORD | typeof BY_PATTERN;

/** A certificate whose key is a file under its owner's password. */
export interface PasswordRecord {
  readonly sort: typeof BY_PASSWORD;
  readonly id: string;
  readonly certificate: Bytes;
  readonly chain: readonly Bytes[];
  readonly keyFile: Bytes;
}

/** A certificate that opens by a pattern: both keys are of this device and cannot be read out. */
export interface PatternRecord {
  readonly sort: typeof BY_PATTERN;
  readonly id: string;
  readonly certificate: Bytes;
  readonly chain: readonly Bytes[];
  readonly key: CryptoKey;
  readonly patternKey: CryptoKey;
}

/** A key whose certificate is on its way. */
export interface PendingRecord {
  readonly sort: "pending";
  readonly id: string;
  readonly product: Opened;
  readonly spki: Bytes;
  /** Signs the proof that the certificate arrived; null when the time for that is over. */
  readonly key: CryptoKey | null;
  readonly keyFile: Bytes | null;
  readonly patternKey: CryptoKey | null;
  /** Set once the certificate is stored. */
  readonly storedAs: string | null;
  /** When the key was made, or its certificate stored: milliseconds since 1970. */
  readonly made: number;
}

export type StoredRecord = PasswordRecord | PatternRecord | PendingRecord;

/** Records by sort and id. */
export interface Shelf {
  get(sort: StoredRecord["sort"], id: string): Promise<StoredRecord | null>;
  all(): Promise<StoredRecord[]>;
  put(...records: readonly StoredRecord[]): Promise<void>;
  remove(sort: StoredRecord["sort"], id: string): Promise<void>;
}

const DATABASE = "dojang-device";
const ROOM = "records";

/** The shelf of this browser. All records of one `put` are written, or none. */
export function browserShelf(name = DATABASE): Shelf {
  const settled = <T>(request: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      request.onsuccess = (): void => resolve(request.result);
      request.onerror = (): void => reject(new DeviceError("device_unsupported", request.error?.name));
    });
  const open = async (): Promise<IDBDatabase> => {
    if (!("indexedDB" in globalThis)) throw new DeviceError("device_unsupported", "no IndexedDB");
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = (): void => {
      request.result.createObjectStore(ROOM, { keyPath: ["sort", "id"] });
    };
    return settled(request);
  };
  const within = async <T>(mode: IDBTransactionMode, act: (room: IDBObjectStore) => Promise<T>): Promise<T> => {
    const database = await open();
    try {
      const transaction = database.transaction(ROOM, mode, { durability: "strict" });
      const done = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = (): void => resolve();
        const failed = (): void => reject(new DeviceError("device_unsupported", transaction.error?.name));
        transaction.onabort = failed;
        transaction.onerror = failed;
      });
      const [result] = await Promise.all([act(transaction.objectStore(ROOM)), done]);
      return result;
    } finally {
      database.close();
    }
  };
  return {
    get: (sort, id) =>
      within("readonly", async (room) => ((await settled(room.get([sort, id]))) as StoredRecord | undefined) ?? null),
    all: () => within("readonly", async (room) => (await settled(room.getAll())) as StoredRecord[]),
    put: async (...records) => {
      try {
        await within("readwrite", async (room) => {
          await Promise.all(records.map((record) => settled(room.put(record))));
        });
      } catch (error) {
        // No room, a private window, a store that was taken away: whatever it was, nothing is kept.
        throw new DeviceError("storage_failed", error instanceof Error ? error.message : "");
      }
    },
    remove: (sort, id) =>
      within("readwrite", async (room) => {
        await settled(room.delete([sort, id]));
      }),
  };
}

/** A shelf that forgets when the page is left: for programs without IndexedDB. */
export function memoryShelf(): Shelf {
  const kept = new Map<string, StoredRecord>();
  const name = (sort: string, id: string): string => `${sort} ${id}`;
  return {
    get: async (sort, id) => kept.get(name(sort, id)) ?? null,
    all: async () => [...kept.values()],
    put: async (...records) => records.forEach((record) => kept.set(name(record.sort, record.id), record)),
    remove: async (sort, id) => void kept.delete(name(sort, id)),
  };
}
