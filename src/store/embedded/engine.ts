import { drainPending, Session } from 'chdb';
import type { Statement } from './statement.ts';

/** The embedded engine: one folder, one process. */
export interface EmbeddedEngine {
  /** @returns the result's bytes @throws {Error} with ClickHouse's own message, `Code: 47. DB::Exception: …` */
  run(statement: Statement): Promise<Uint8Array>;
  /** Waits for statements whose client went away, too: a folder must not be left in the middle of one. */
  close(): Promise<void>;
}

/** Opens the folder. Throws when another process holds it (`Code: 76`). */
export function openEngine(directory: string): EmbeddedEngine {
  // The current database is a property of a connection, so each database has its own.
  const sessions = new Map<string, Promise<Session>>();
  const root = new Session(directory);
  const sessionFor = (database: string | undefined): Promise<Session> => {
    if (database === undefined || database === 'default') return Promise.resolve(root);
    let session = sessions.get(database);
    if (session === undefined) {
      session = openDatabase(directory, database);
      sessions.set(database, session);
      session.catch(() => sessions.delete(database));
    }
    return session;
  };
  return {
    run: async (statement) => runOn(await sessionFor(statement.database), statement),
    async close() {
      for (const session of sessions.values()) (await session.catch(() => undefined))?.close();
      root.close();
      await drainPending();
    },
  };
}

async function runOn(session: Session, statement: Statement): Promise<Uint8Array> {
  if (statement.kind === 'insert') {
    const { table, columns, format, settings, data } = statement;
    if (data.byteLength === 0) return new Uint8Array();
    // The settings travel in the statement's text, so they end with it.
    await session.insert({
      table,
      values: data,
      format,
      settings,
      ...(columns === undefined ? {} : { columns }),
    });
    return new Uint8Array();
  }
  const { sql, parameters } = statement;
  const isBound = Object.keys(parameters).length > 0;
  const result = isBound ? await session.queryBindAsync(sql, parameters) : await session.queryAsync(sql);
  return result.bytes();
}

async function openDatabase(directory: string, database: string): Promise<Session> {
  const session = new Session(directory);
  await session.queryAsync(`USE \`${database.replaceAll('`', '')}\``);
  return session;
}
