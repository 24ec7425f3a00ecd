import { createHash, timingSafeEqual } from 'node:crypto';

import type { RequestHandler } from 'express';

import { HttpProblem } from './problem.ts';

/**
 * Lets a request through only with `Authorization: Bearer <token>`. Without a configured token nothing gets through:
 * an open switch is never the default. Compares hashes, in constant time.
 */
export function requireBearer(token: string | undefined): RequestHandler {
  const expected = token === undefined || token === '' ? undefined : digestOf(token);
  return (request, response, next) => {
    if (expected === undefined)
      throw new HttpProblem(
        'forbidden',
        'requests that change something are off; set http.token to allow them',
      );
    const given = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (given === undefined || !timingSafeEqual(digestOf(given), expected)) {
      response.setHeader('WWW-Authenticate', 'Bearer');
      throw new HttpProblem('unauthorized', 'expected the bearer token that is configured as http.token');
    }
    next();
  };
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
