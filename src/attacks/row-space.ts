/**
 * The rows that a loop still works on, and every array that has one entry per row. Rows that are done are dropped from
 * all of them at once, so parts of a loop never see a settled row and need no code for it.
 */
export interface RowSpace {
  /** Which example each row belongs to; the first `count` entries are valid. */
  readonly rows: Int32Array;
  readonly count: number;
  /** A new array of `width` float32 values per row, zero, kept in step with the rows. */
  floats(width: number): Float32Array;
  /** The same in double precision. */
  doubles(width: number): Float64Array;
  /** Drops the rows whose example is not wanted any more. Order stays. */
  retain(wanted: (example: number) => boolean): void;
}

interface Column {
  readonly values: Float32Array | Float64Array | Int32Array;
  readonly width: number;
}

export function createRowSpace(examples: Int32Array): RowSpace {
  const rows = examples.slice();
  const columns: Column[] = [{ values: rows, width: 1 }];
  let count = rows.length;
  const adopt = <T extends Column['values']>(values: T, width: number): T => {
    columns.push({ values, width });
    return values;
  };
  return {
    rows,
    get count() {
      return count;
    },
    floats: (width) => adopt(new Float32Array(examples.length * width), width),
    doubles: (width) => adopt(new Float64Array(examples.length * width), width),
    retain(wanted) {
      const kept: number[] = [];
      for (let i = 0; i < count; i++) if (wanted(rows[i]!)) kept.push(i);
      if (kept.length === count) return;
      for (const column of columns) pack(column, kept);
      count = kept.length;
    },
  };
}

function pack({ values, width }: Column, kept: readonly number[]): void {
  kept.forEach((from, to) => {
    if (from !== to) values.copyWithin(to * width, from * width, (from + 1) * width);
  });
}
