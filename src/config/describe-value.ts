/** A value in words; maps by their keys only, and without what a URL says before its `@`, because secrets may be inside. */
export function describeValue(value: unknown): string {
  if (value === null) return 'nothing (the key has no value)';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return `a map with ${Object.keys(value).join(', ') || 'no keys'}`;
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  const masked = text.replace(/\/\/[^@/]*@/, '//[secret]@');
  return masked.length > 60 ? `${masked.slice(0, 57)}...` : masked;
}

/** The member at a path; undefined when there is none. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (current, part) =>
      current !== null && typeof current === 'object'
        ? (current as Record<PropertyKey, unknown>)[part]
        : undefined,
    value,
  );
}
