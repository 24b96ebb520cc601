// Small questions about instantiated and supported data-model paths. Object paths end with a dot.

const isNumber = (segment: string): boolean => /^\d+$/.test(segment);

/** `Device.IP.Interface.3.Enable` to `Device.IP.Interface.{i}.Enable`. */
export function toSupported(path: string): string {
  return path.split(".").map((segment) => (isNumber(segment) ? "{i}" : segment)).join(".");
}

/** The object that holds this parameter, command, event or object; empty for the root. */
export function parentOf(path: string): string {
  const end = path.endsWith(".") ? path.length - 1 : path.length;
  return path.slice(0, path.lastIndexOf(".", end - 1) + 1);
}

/** Last segment without dots: `Interface`, `3`, `Enable`, `Reboot()`. */
export function nameOf(path: string): string {
  const end = path.endsWith(".") ? path.length - 1 : path.length;
  return path.slice(path.lastIndexOf(".", end - 1) + 1, end);
}

export const isObjectPath = (path: string): boolean => path.endsWith(".");
/** A row of a table: an object path whose last segment is an instance number. */
export const isRowPath = (path: string): boolean => isObjectPath(path) && isNumber(nameOf(path));

/** All objects above a path, outermost first: `Device.`, `Device.IP.`, … */
export function ancestorsOf(path: string): string[] {
  const out: string[] = [];
  for (let parent = parentOf(path); parent !== ""; parent = parentOf(parent)) out.unshift(parent);
  return out;
}

/** Names as people expect them: numbers by value, words by letter. */
export function compareNames(a: string, b: string): number {
  if (isNumber(a) && isNumber(b)) return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
  return a < b ? -1 : a > b ? 1 : 0;
}
