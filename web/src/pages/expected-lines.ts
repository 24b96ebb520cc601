// Lines that people paste to say which devices to expect.

/** What one line says. Exactly one of `endpoint` and `serial` is there. */
export interface ExpectedLine { endpoint?: string; serial?: string; name?: string; group?: string }

/** At most so many in one request; the server's own bound. */
export const MOST = 1000;

/**
 * One device a line: its endpoint id or serial number, then if wanted its name and a tag, separated by commas or tabs.
 * What has a colon in it is an endpoint id. Empty lines and lines that begin with `#` say nothing.
 */
export function parseExpected(text: string): { devices: ExpectedLine[] } | { problem: string } {
  const devices: ExpectedLine[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const [value = "", name = "", group = "", ...more] = line.split(/[,\t]/).map((part) => part.trim());
    if (value === "") return { problem: `Line ${index + 1} names no device` };
    if (more.some((part) => part !== "")) return { problem: `Line ${index + 1} has more than a device, a name and a tag` };
    devices.push({ ...(value.includes(":") ? { endpoint: value } : { serial: value }), ...(name && { name }), ...(group && { group }) });
  }
  if (devices.length === 0) return { problem: "No device is named" };
  if (devices.length > MOST) return { problem: `At most ${MOST} at a time; cusp enrol import takes whole files` };
  return { devices };
}
