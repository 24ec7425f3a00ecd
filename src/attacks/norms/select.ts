/**
 * The k-th largest of some values without sorting them all: quickselect with the middle as pivot, O(n) on average.
 * Reorders `values`. NaN must not occur.
 *
 * @param k from 1 to values.length
 */
export function kthLargest(values: Float64Array, k: number): number {
  let left = 0;
  let right = values.length - 1;
  const wanted = k - 1;
  while (left < right) {
    const [below, above] = partition(values, left, right);
    if (wanted <= below) right = below;
    else if (wanted >= above) left = above;
    else break;
  }
  return values[wanted]!;
}

/** Hoare's partition, larger values first; everything between the two returned places equals the pivot. */
function partition(values: Float64Array, left: number, right: number): readonly [number, number] {
  const pivot = values[(left + right) >> 1]!;
  let i = left;
  let j = right;
  while (i <= j) {
    while (values[i]! > pivot) i++;
    while (values[j]! < pivot) j--;
    if (i > j) break;
    const held = values[i]!;
    values[i++] = values[j]!;
    values[j--] = held;
  }
  return [j, i];
}
