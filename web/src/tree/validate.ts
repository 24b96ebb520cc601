// Checks a text against a parameter's or argument's type before the device sees it. The device still has the last word.

export interface ValueSpec {
  type?: string | null;
  min?: number | string | null;
  max?: number | string | null;
  enum?: string[] | null;
  list?: boolean;
  max_length?: number | null;
  pattern?: string | null;
}

/** What is wrong with the text, or undefined when it may be sent. */
export function problemWith(spec: ValueSpec, text: string): string | undefined {
  if (!spec.list) return problemWithItem(spec, text);
  if (text === "") return undefined;
  if (spec.max_length != null && text.length > spec.max_length) return `At most ${spec.max_length} characters`;
  for (const item of splitList(text)) {
    const problem = problemWithItem({ ...spec, max_length: null }, item);
    if (problem) return `“${item}”: ${problem}`;
  }
  return undefined;
}

export const splitList = (text: string): string[] => (text === "" ? [] : text.split(",").map((item) => item.trim()));

/** Ranges of the integer types; a parameter's own range narrows them. */
const INTEGERS: Record<string, [min: bigint, max: bigint]> = {
  int: [-(2n ** 31n), 2n ** 31n - 1n],
  unsignedInt: [0n, 2n ** 32n - 1n],
  long: [-(2n ** 63n), 2n ** 63n - 1n],
  unsignedLong: [0n, 2n ** 64n - 1n],
};

function problemWithItem(spec: ValueSpec, text: string): string | undefined {
  if (spec.enum && spec.enum.length > 0) return spec.enum.includes(text) ? undefined : `One of ${spec.enum.join(", ")}`;
  const integer = INTEGERS[spec.type ?? ""];
  if (integer) return integerProblem(text, integer, spec);
  switch (spec.type) {
    case "boolean":
      return /^(true|false|1|0)$/.test(text) ? undefined : "true or false";
    case "decimal":
      return decimalProblem(text, spec);
    case "dateTime":
      return dateTimeProblem(text);
    case "hexBinary":
      if (!/^([0-9A-Fa-f]{2})*$/.test(text)) return "Pairs of hexadecimal digits";
      return lengthProblem(text.length / 2, spec, "bytes");
    case "base64":
      return /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text) ? undefined : "Base64 text";
    default:
      return lengthProblem([...text].length, spec, "characters") ?? patternProblem(text, spec.pattern);
  }
}

function integerProblem(text: string, [typeMin, typeMax]: [bigint, bigint], spec: ValueSpec): string | undefined {
  if (!/^[+-]?\d+$/.test(text)) return "A whole number";
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  const min = bound(spec.min) ?? typeMin;
  const max = bound(spec.max) ?? typeMax;
  return value < min || value > max ? `From ${min} to ${max}` : undefined;
}

function bound(value: number | string | null | undefined): bigint | undefined {
  if (value == null || value === "" || !/^-?\d+$/.test(String(value))) return undefined;
  return BigInt(value);
}

function decimalProblem(text: string, spec: ValueSpec): string | undefined {
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(text)) return "A decimal number";
  if (spec.min != null && Number(text) < Number(spec.min)) return `At least ${spec.min}`;
  if (spec.max != null && Number(text) > Number(spec.max)) return `At most ${spec.max}`;
  return undefined;
}

/** ISO 8601 with a zone; year 0001 stands for an unknown time. */
function dateTimeProblem(text: string): string | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (!match) return "A time such as 2026-03-29T12:00:00Z";
  const [, , month, day, hour, minute, second] = match.map(Number) as [number, number, number, number, number, number, number];
  const valid = month >= 1 && month <= 12 && day >= 1 && day <= daysIn(Number(match[1]), month) && hour <= 23 && minute <= 59 && second <= 59;
  return valid ? undefined : "Not a date that exists";
}

const daysIn = (year: number, month: number): number => new Date(Date.UTC(year < 100 ? year + 400 : year, month, 0)).getUTCDate();

function lengthProblem(length: number, spec: ValueSpec, unit: string): string | undefined {
  return spec.max_length != null && length > spec.max_length ? `At most ${spec.max_length} ${unit}` : undefined;
}

/** Data-model patterns are XML Schema expressions. One that JavaScript cannot read is left to the device. */
function patternProblem(text: string, pattern: string | null | undefined): string | undefined {
  if (!pattern || pattern.length > 1_000) return undefined;
  let expression: RegExp;
  try {
    expression = new RegExp(`^(?:${pattern})$`, "u");
  } catch {
    return undefined;
  }
  return expression.test(text) ? undefined : `Must match ${pattern}`;
}

/** `1 to 5`, `at least 1`, `at most 5`, or undefined without bounds. */
export function describeRange({ min, max }: ValueSpec): string | undefined {
  if (min != null && max != null) return `${min} to ${max}`;
  if (min != null) return `at least ${min}`;
  return max != null ? `at most ${max}` : undefined;
}

/** One line that says what is allowed, for the hint under a field. */
export function describeSpec(spec: ValueSpec & { units?: string | null }): string {
  const parts: string[] = [];
  if (spec.list) parts.push("comma-separated list");
  parts.push(spec.type ?? "string");
  const range = describeRange(spec);
  if (range) parts.push(range);
  if (spec.units) parts.push(spec.units);
  if (spec.max_length != null) parts.push(`at most ${spec.max_length} characters`);
  return parts.join(" · ");
}
