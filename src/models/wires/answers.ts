import type { Decoded } from '../../protocols/decoded.ts';
import { PROBE_TAG_HEADER } from '../probe-tag.ts';
import { malformedAnswer } from '../served-errors.ts';

/** Header in which a server may say which version answered; ours does, TensorFlow Serving does not. */
export const VERSION_HEADER = 'x-temper-model-version';

/** The value of a decoded answer. @throws {AppError} TEMPER_TARGET_MALFORMED, with the decoder's words */
export function decodedAnswer<T>(url: string, decoded: Decoded<T>): T {
  if (decoded.ok) return decoded.value;
  throw malformedAnswer(url, decoded.problem.message);
}

/**
 * The tag as headers. `ce-id` is the event id that KServe's logger takes over, so that what it writes to the topic begins
 * with the tag.
 */
export function tagHeaders(tag: string | undefined): Record<string, string> {
  return tag === undefined ? {} : { [PROBE_TAG_HEADER]: tag, 'ce-id': tag };
}
