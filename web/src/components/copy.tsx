// Copying to the clipboard, also on a plain-HTTP page, where browsers offer no clipboard interface.
import { useEffect, useState } from "react";
import { Button, IconButton } from "./ui";

export async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Refused by the browser: the selection below still works.
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "fixed top-0 left-0 opacity-0";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

function useCopied(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_600);
    return () => clearTimeout(timer);
  }, [copied]);
  return [copied, (text) => void copyText(text).then(setCopied)];
}

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [copied, copy] = useCopied();
  return <Button small icon={copied ? "check" : "copy"} onClick={() => copy(text)}>{copied ? "Copied" : label}</Button>;
}

export function CopyIcon({ text, label }: { text: string; label: string }) {
  const [copied, copy] = useCopied();
  return <IconButton icon={copied ? "check" : "copy"} label={copied ? "Copied" : label} onClick={() => copy(text)} className="size-6" />;
}

export function CodeBlock({ text, label, tall }: { text: string; label: string; tall?: boolean }) {
  return (
    <figure className="overflow-hidden rounded-md border bg-canvas">
      <figcaption className="flex items-center justify-between gap-2 border-b py-1 pr-1.5 pl-3 text-xs text-muted">
        {label}
        <CopyButton text={text} />
      </figcaption>
      <pre tabIndex={0} aria-label={label} className={`value overflow-auto px-3 py-2 leading-[1.55] whitespace-pre ${tall ? "max-h-96" : "max-h-64"}`}>{text}</pre>
    </figure>
  );
}
