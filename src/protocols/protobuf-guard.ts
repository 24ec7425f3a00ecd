/**
 * What is asked of protobuf bytes before a decoder builds objects of them: two bytes of an empty message become an object
 * of hundreds, so a message with a million of them must be refused by counting.
 */

/** Tensors, parameters and outputs of one message together; no real one comes near. */
const MAX_FIELDS = 4096;

/** Whether the bytes are whole fields at the top level, at most 4096 of them, without groups. One pass, nothing allocated. */
export function isModestMessage(bytes: Uint8Array): boolean {
  let at = 0;
  for (let fields = 0; at < bytes.length; fields++) {
    if (fields === MAX_FIELDS) return false;
    const tagEnd = endOfVarint(bytes, at);
    if (tagEnd < 0) return false;
    const next = endOfField(bytes, tagEnd, bytes[at]! & 7);
    if (next < 0 || next > bytes.length) return false;
    at = next;
  }
  return true;
}

function endOfField(bytes: Uint8Array, at: number, wireType: number): number {
  switch (wireType) {
    case 0:
      return endOfVarint(bytes, at);
    case 1:
      return at + 8;
    case 2: {
      const end = endOfVarint(bytes, at);
      return end < 0 ? -1 : end + lengthAt(bytes, at, end);
    }
    case 5:
      return at + 4;
    default:
      return -1;
  }
}

/** Index behind the varint that begins at `at`, or -1 when it does not end within ten bytes. */
function endOfVarint(bytes: Uint8Array, at: number): number {
  for (let i = at; i < Math.min(bytes.length, at + 10); i++) if (bytes[i]! < 0x80) return i + 1;
  return -1;
}

function lengthAt(bytes: Uint8Array, at: number, end: number): number {
  let length = 0;
  for (let i = at; i < end; i++) length += (bytes[i]! & 0x7f) * 2 ** (7 * (i - at));
  return length;
}
