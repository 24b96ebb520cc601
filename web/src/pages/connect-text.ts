// Puts a fresh one-time token into a configuration that the server made with a place for it.

const PLACE = /<token>|\{\{\s*token\s*\}\}|TOKEN_HERE/gi;

export function withToken(text: string, token: string | undefined): string {
  // A function, because a token may hold `$`, which `replace` would read as a pattern.
  return token === undefined ? text : text.replace(PLACE, () => token);
}
