// Tests wait on events, so a limit only ends what hangs: it is generous, because machines are shared and slow at times.
jest.setTimeout(120_000);
