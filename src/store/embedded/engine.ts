import { Session } from 'chdb';
import type { Statement } from './statement.ts';

/** The embedded engine: one folder, one process. */
export interface EmbeddedEngine {
  /** @returns the result's bytes @throws {Error} with ClickHouse's own message, `Code: 47. DB::Exception: …` */
  run(statement: Statement): Promise<Uint8Array>;
  close(): void;
}

/** Opens the folder. Throws when another process holds it (`Code: 76`). */
export function openEngine(directory: string): EmbeddedEngine {
  // The current database is a property of a connection, so each database has its own.
  const sessions = new Map<string, Promise<Session>>();
  const root = new Session(directory);
  const sessionFor = (database: string): Promise<Session> => {
    let session = sessions.get(database);
    if (session === undefined) {
      session = openDatabase(directory, database);
      sessions.set(database, session);
      session.catch(() => sessions.delete(database));
    }
    return session;
  };
  return {
    async run({ sql, parameters, database }) {
      const session = database === undefined || database === 'default' ? root : await sessionFor(database);
      const bound = Object.keys(parameters).length > 0;
      const result = bound ? await session.queryBindAsync(sql, parameters) : await session.queryAsync(sql);
      return result.bytes();
    },
    close() {
      for (const session of sessions.values()) void session.then((open) => open.close()); // never rejects: open
      root.close();
    },
  };
}

async function openDatabase(directory: string, database: string): Promise<Session> {
  const session = new Session(directory);
  await session.queryAsync(`USE \`${database.replaceAll('`', '')}\``);
  return session;
}
