const RFC_3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|[+-](\d{2}):(\d{2}))$/;

/**
 * Milliseconds since the Unix epoch of an RFC 3339 time, fractions beyond milliseconds cut off; undefined when the text
 * is not one, or names a day, hour or minute that does not exist. Leap seconds are not accepted.
 */
export function parseEventTime(text: string): number | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second, zoneHour = 0, zoneMinute = 0] = match.slice(1).map(Number);
  if (month! < 1 || month! > 12 || day! < 1 || day! > daysInMonth(year!, month!)) return undefined;
  if (hour! > 23 || minute! > 59 || second! > 59) return undefined;
  // Without a numeric zone these groups are undefined, hence NaN, and no comparison with NaN holds.
  if (zoneHour > 23 || zoneMinute > 59) return undefined;
  const timeMs = Date.parse(text.toUpperCase().replace(' ', 'T'));
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

function daysInMonth(year: number, month: number): number {
  // Day 0 of the next month is the last day of this one; setUTCFullYear takes years below 100 as they are.
  const date = new Date(0);
  date.setUTCFullYear(year, month, 0);
  return date.getUTCDate();
}
