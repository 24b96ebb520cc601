// Small shared pieces: buttons, fields, badges, notes. No data fetching.
import type { ButtonHTMLAttributes, InputHTMLAttributes, ReactNode } from "react";
import { useId } from "react";
import { ApiError } from "../api/client";
import { useTitle } from "../app/title";
import { Icon, type IconName } from "./icons";

export const cx = (...parts: (string | false | null | undefined)[]): string => parts.filter(Boolean).join(" ");

type Variant = "primary" | "plain" | "quiet" | "danger";
const VARIANTS: Record<Variant, string> = {
  primary: "bg-accent text-on-accent border-transparent hover:bg-accent-strong",
  plain: "bg-surface border-line-strong hover:bg-hover",
  quiet: "border-transparent text-muted hover:text-ink hover:bg-hover",
  danger: "bg-surface border-line-strong text-bad hover:bg-bad-soft hover:border-bad",
};

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> { variant?: Variant; icon?: IconName; busy?: boolean; small?: boolean }

export function Button({ variant = "plain", icon, busy, small, className, children, disabled, type = "button", ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={cx(
        "inline-flex items-center justify-center gap-1.5 rounded-[5px] border font-medium whitespace-nowrap transition-colors disabled:opacity-50 disabled:pointer-events-none",
        small ? "px-2 py-[1px] text-xs min-h-6" : "px-3 py-1 min-h-[1.9rem]",
        VARIANTS[variant],
        className,
      )}
      {...rest}
    >
      {icon && <Icon name={icon} size={small ? 13 : 15} />}
      {children}
    </button>
  );
}

export function IconButton({ icon, label, className, ...rest }: { icon: IconName; label: string } & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button type="button" aria-label={label} title={label} className={cx("inline-flex size-7 shrink-0 items-center justify-center rounded-[5px] text-muted hover:bg-hover hover:text-ink disabled:opacity-40", className)} {...rest}>
      <Icon name={icon} size={15} />
    </button>
  );
}

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> { label: string; hint?: ReactNode; problem?: string | undefined }

export function Field({ label, hint, problem, className, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-muted">{label}</label>
      <input id={id} className="field" aria-invalid={problem ? true : undefined} aria-describedby={`${id}-hint`} {...rest} />
      <p id={`${id}-hint`} className={cx("mt-1 min-h-4 text-xs", problem ? "text-bad" : "text-faint")}>{problem ?? hint}</p>
    </div>
  );
}

type Tone = "ok" | "warn" | "bad" | "accent" | "neutral";
const TONES: Record<Tone, string> = {
  ok: "bg-ok-soft text-ok",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
  accent: "bg-accent-soft text-accent",
  neutral: "bg-hover text-muted",
};

export function Badge({ tone = "neutral", children, title }: { tone?: Tone; children: ReactNode; title?: string }) {
  return <span title={title} className={cx("inline-flex items-center gap-1 rounded-[4px] px-1.5 text-xs leading-5 font-medium whitespace-nowrap", TONES[tone])}>{children}</span>;
}

/** Presence as shape and word, never as colour alone. */
export function Presence({ online }: { online: boolean }) {
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap">
      <span className={cx("size-2 rounded-full", online ? "bg-ok" : "border-[1.5px] border-faint")} aria-hidden="true" />
      <span className={online ? "" : "text-muted"}>{online ? "online" : "offline"}</span>
    </span>
  );
}

export function Unproven() {
  return <Badge tone="warn" title="Seen only over a plain connection: nothing proves that it is this device"><Icon name="warn" size={12} />unproven</Badge>;
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="px-6 py-14 text-center">
      <p className="text-base font-medium">{title}</p>
      {children && <div className="mx-auto mt-1.5 max-w-md text-muted">{children}</div>}
    </div>
  );
}

export function ErrorNote({ error, retry, className }: { error: unknown; retry?: () => void; className?: string }) {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof ApiError ? error.code : undefined;
  return (
    <div role="alert" className={cx("flex items-start gap-2 rounded-md bg-bad-soft px-3 py-2 text-bad", className)}>
      <Icon name="warn" className="mt-0.5 shrink-0" />
      <span className="min-w-0 flex-1 break-words">{message}{code !== undefined && <span className="value"> ({code})</span>}
        {error instanceof ApiError && error.params.map((fault) => <span key={fault.param} className="block"><span className="value">{fault.param}</span> {fault.message}<span className="value"> ({fault.code})</span></span>)}
      </span>
      {retry && <Button small onClick={retry}>Try again</Button>}
    </div>
  );
}

export function PageHeader({ title, children, detail }: { title: string; detail?: ReactNode; children?: ReactNode }) {
  useTitle(title);
  return (
    <header className="flex flex-wrap items-end gap-x-4 gap-y-2 px-4 pt-5 pb-4 md:px-6">
      <div className="min-w-[min(18rem,100%)] flex-1">
        <h1 className="text-xl leading-tight font-semibold tracking-[-0.01em]">{title}</h1>
        {detail && <p className="mt-0.5 text-muted">{detail}</p>}
      </div>
      {children && <div className="flex flex-wrap items-center gap-2">{children}</div>}
    </header>
  );
}

export function Loading({ what = "Loading" }: { what?: string }) {
  return <p role="status" className="animate-pulse-slow px-6 py-10 text-center text-muted">{what}…</p>;
}

export function Kbd({ children }: { children: ReactNode }) {
  return <kbd>{children}</kbd>;
}
