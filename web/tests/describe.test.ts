import { describe, expect, it } from "vitest";
import { firstSentence, plainDescription } from "../src/tree/describe";

describe("descriptions", () => {
  it.each([
    ["Enables or disables the interface.\n\n  This parameter is based on ''ifAdminStatus'' from {{bibref|RFC2863}}.", "Enables or disables the interface.\nThis parameter is based on ifAdminStatus from [RFC2863]."],
    ["If a subscription\n  is associated, then\nthis holds:\n* one\n* two, in\n  two lines\n\nThe end.", "If a subscription is associated, then this holds:\n* one\n* two, in two lines\nThe end."],
    ["{{numentries}}", "The number of entries in the table."],
    ["The current operational state of the interface (see {{bibref|TR-181i2|Section 4.2.2}}). {{enum}}", "The current operational state of the interface (see [TR-181i2, Section 4.2.2])."],
    ["When {{enum|Up|Status}}, {{param|Enable}} of {{object|#.Stats}} is {{true}}, else {{empty}}.", "When Up, Enable of #.Stats is true, else an empty string."],
    ["{{list}} {{reference|the path name of a row in {{object|.Interface}}}} Lower layers.", "Lower layers."],
    ["{{unheard-of|x}}Text", "Text"],
    [undefined, ""],
  ])("%j", (text, plain) => expect(plainDescription(text)).toBe(plain));

  it.each([
    ["Enables it. Then more.", "Enables it."],
    ["Version 1.2 of it.", "Version 1.2 of it."],
    ["No end", "No end"],
  ])("takes the first sentence of %j", (text, first) => expect(firstSentence(text)).toBe(first));
});
