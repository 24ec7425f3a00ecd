/** Where a ClickHouse answers. */
export interface Endpoint {
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** Finds the endpoint: a constant for a server, a file to read again for the embedded engine, which may move. */
export type EndpointSource = () => Promise<Endpoint>;
