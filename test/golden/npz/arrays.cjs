/** Every type of array that the writer knows, with odd shapes and values. */
exports.ARRAYS = {
  label: { data: Int32Array.of(7, -1, 2 ** 31 - 1) },
  correct: { data: Uint8Array.of(1, 0, 1), isBoolean: true },
  bytes: { data: Uint8Array.of(0, 255, 128, 3, 4, 5), shape: [2, 3] },
  'distance_pgd-40x5': { data: Float32Array.of(0.3, Infinity, 0, -1.5e-40), shape: [2, 2, 1] },
  doubles: { data: Float64Array.of(Math.PI, NaN) },
  queries: { data: Uint32Array.of(0, 4_294_967_295) },
  nothing: { data: new Float32Array(0) },
  'one value': { data: Float32Array.of(0.1), shape: [] },
  größe: { data: Int32Array.of(1, 2, 3, 4).subarray(1, 3) },
};
