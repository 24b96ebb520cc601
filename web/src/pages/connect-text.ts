// Puts a fresh one-time token into a configuration that the server made with a place for it.

const PLACE = "TOKEN_HERE";

export function withToken(text: string, token: string | undefined): string {
  // Without a token the line goes: a device would take the placeholder for a token, and be refused.
  if (token === undefined) return text.split("\n").filter((line) => !line.includes(PLACE)).join("\n");
  return text.replaceAll(PLACE, () => token);
}
