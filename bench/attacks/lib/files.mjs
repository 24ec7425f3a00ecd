import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { RESULTS } from './places.mjs';

export function readJson(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

/** Whole or not at all: a benchmark that is killed leaves no half file. */
export function writeWhole(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.part`, content);
  renameSync(`${path}.part`, path);
}

export function writeJson(path, value) {
  writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}

export const resultPath = (name) => join(RESULTS, `${name}.json`);

/** What a figure is worth depends on where it was measured. */
export function machine() {
  return {
    processor: cpus()[0].model,
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    load_before: Number(loadavg()[0].toFixed(2)),
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Middle value; the mean of the two middle ones for an even number. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

const TYPES = {
  '<f4': Float32Array,
  '<f8': Float64Array,
  '<i4': Int32Array,
  '<i8': BigInt64Array,
  '|b1': Uint8Array,
  '|u1': Uint8Array,
};

/** Arrays of an .npz file that was stored without compression, by name, flat. */
export function readNpz(path) {
  const bytes = readFileSync(path);
  const arrays = {};
  for (let at = 0; bytes.toString('latin1', at, at + 4) === 'PK\u0003\u0004';) {
    const nameLength = bytes.readUInt16LE(at + 26);
    const extraLength = bytes.readUInt16LE(at + 28);
    const name = bytes.toString('utf8', at + 30, at + 30 + nameLength);
    const start = at + 30 + nameLength + extraLength;
    // NumPy writes sizes as 64 bits into the extra field.
    const small = bytes.readUInt32LE(at + 18);
    const size = small === 0xffffffff ? Number(bytes.readBigUInt64LE(at + 30 + nameLength + 4)) : small;
    const npy = bytes.subarray(start, start + size);
    const dataAt = 10 + npy.readUInt16LE(8);
    const type = /'descr': '([^']+)'/.exec(npy.toString('latin1', 10, dataAt))[1];
    const data = npy.buffer.slice(npy.byteOffset + dataAt, npy.byteOffset + size);
    arrays[name.replace(/\.npy$/, '')] = new TYPES[type](data);
    at = start + size;
  }
  return arrays;
}

/** Writes lines of a result over those of the same key; lines that were not measured this time stay. */
export function writeTable(name, lines, keyOf, facts) {
  const fresh = new Set(lines.map(keyOf));
  const kept = (readJson(resultPath(name))?.table ?? []).filter((line) => !fresh.has(keyOf(line)));
  const table = [...kept, ...lines];
  writeJson(resultPath(name), { ...facts, table, passed: table.every((line) => line.passed) });
}
