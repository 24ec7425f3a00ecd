import type { NpyArray } from '../../../src/protocols/npz.ts';

export declare const ARRAYS: Readonly<Record<string, NpyArray>>;
