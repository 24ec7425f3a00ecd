import { readFileSync } from 'node:fs';

const TYPES = {
  '<f4': Float32Array,
  '<i4': Int32Array,
  '<u4': Uint32Array,
  '|b1': Uint8Array,
} as const;

/** Arrays of an .npz file that was stored without compression, by name, flat. That NumPy agrees is tested in golden/npz. */
export function readNpz(path: string): Record<string, number[]> {
  const bytes = readFileSync(path);
  const arrays: Record<string, number[]> = {};
  for (let at = 0; bytes.toString('latin1', at, at + 4) === 'PK\u0003\u0004';) {
    const size = bytes.readUInt32LE(at + 18);
    const name = bytes.toString('utf8', at + 30, at + 30 + bytes.readUInt16LE(at + 26));
    const start = at + 30 + Buffer.byteLength(name);
    const npy = bytes.subarray(start, start + size);
    const dataAt = 10 + npy.readUInt16LE(8);
    const type = /'descr': '([^']+)'/.exec(npy.toString('latin1', 10, dataAt))![1]!;
    const data = npy.buffer.slice(npy.byteOffset + dataAt, npy.byteOffset + size);
    arrays[name.replace(/\.npy$/, '')] = Array.from(new TYPES[type as keyof typeof TYPES](data));
    at = start + size;
  }
  return arrays;
}
