// Descriptions of the published data models, for people: the Forum writes them with templates and wiki quotes. Pure.
import type { Described } from "../api/types";

/** Templates that stand for one fixed text. What repeats the facts beside the description is left out. */
const FIXED: Record<string, string> = {
  empty: "an empty string", true: "true", false: "false", null: "null", numentries: "The number of entries in the table.",
  enum: "", pattern: "", range: "", size: "", list: "", units: "", datatype: "", reference: "", hidden: "", secured: "", keys: "", nokeys: "", entries: "", param: "this parameter", object: "this object", command: "this command", event: "this event",
};
/** Templates whose first argument is what is meant. */
const NAMING = new Set(["param", "object", "command", "event", "enum", "pattern", "profile", "template", "gloss", "abbr", "keyword"]);

/** The text without markup; an empty text if nothing is left. */
export function plainDescription(text: string | null | undefined): string {
  if (!text) return "";
  let plain = text;
  // Templates nest a level or two; each pass takes the innermost.
  for (let before = ""; before !== plain;) {
    before = plain;
    plain = plain.replace(/\{\{([^{}]*)\}\}/g, (_, inner: string) => template(inner));
  }
  // A blank line ends a paragraph and a star begins an item; any other line end is only where the file was wrapped.
  const lines = plain.replace(/'{2,}/g, "").replace(/\s*\n\s*\n\s*|\s*\n\s*(?=\*)/g, "\r").replace(/\s*\n\s*/g, " ").replace(/\r/g, "\n");
  return lines.replace(/[ \t]+/g, " ").replace(/ ([.,;:)])/g, "$1").replace(/\n+/g, "\n").trim();
}

function template(inner: string): string {
  const [name = "", ...args] = inner.split("|").map((part) => part.trim());
  if (name === "bibref") return `[${args.join(", ")}]`;
  if (args.length > 0 && NAMING.has(name)) return args[0]!;
  return FIXED[name] ?? "";
}

/** What is said of an object, parameter, command, event or argument, where a model says anything. */
export const describe = (schema: object | undefined): string => plainDescription((schema as Described | undefined)?.description);

/** The first sentence, for a tooltip. */
export function firstSentence(text: string): string {
  return /^.*?[.!?](?=\s|$)/s.exec(text)?.[0] ?? text;
}
