// The control that fits a value's type. It edits text, because text is what travels; checking is in `validate.ts`.
import { useId, type KeyboardEvent } from "react";
import { Button, cx } from "../components/ui";
import { splitList, type ValueSpec } from "./validate";

const INTEGER = /^(int|unsignedInt|long|unsignedLong)$/;
/** Texts that may be longer than this get a box instead of a line. */
const LONG_TEXT = 300;

interface EditorProps {
  spec: ValueSpec & { secured?: boolean | null | undefined };
  label: string;
  value: string;
  onChange: (value: string) => void;
  onSubmit?: () => void;
  invalid?: boolean;
  /** A value may be left out, as for an optional argument. The empty text then means that. */
  optional?: boolean;
  disabled?: boolean;
  inputId?: string;
}

export function ValueEditor(props: EditorProps) {
  const { spec, value, optional } = props;
  if (spec.enum?.length && spec.list) return <ChoiceList {...props} options={spec.enum} />;
  if (spec.enum?.length) return <Choice {...props} options={spec.enum} />;
  if (spec.type === "boolean" && !spec.list) return optional ? <Choice {...props} options={["true", "false"]} /> : <YesNo {...props} />;
  if (spec.type === "dateTime" && !spec.list) return <TimeField {...props} />;
  if (!spec.secured && !INTEGER.test(spec.type ?? "") && (value.length > 80 || value.includes("\n") || ((spec.max_length ?? 0) > LONG_TEXT && value.length > 40))) return <TextBox {...props} />;
  return <Line {...props} />;
}

const common = ({ label, invalid, disabled, inputId }: EditorProps) => ({ "aria-label": label, "aria-invalid": invalid || undefined, disabled, id: inputId });

function Line(props: EditorProps) {
  const { spec, value, onChange, onSubmit } = props;
  const integer = INTEGER.test(spec.type ?? "") && !spec.list;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && onSubmit) {
      event.preventDefault();
      onSubmit();
    }
    const step = event.key === "ArrowUp" ? 1n : event.key === "ArrowDown" ? -1n : 0n;
    if (integer && step !== 0n && /^-?\d+$/.test(value)) {
      event.preventDefault();
      onChange(String(BigInt(value) + step));
    }
  };
  return (
    <input
      {...common(props)}
      className="field value"
      type={spec.secured ? "password" : "text"}
      autoComplete={spec.secured ? "new-password" : "off"}
      spellCheck={false}
      inputMode={integer ? "numeric" : undefined}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={onKeyDown}
    />
  );
}

function TextBox(props: EditorProps) {
  return <textarea {...common(props)} className="field value min-h-24" rows={4} spellCheck={false} value={props.value} onChange={(event) => props.onChange(event.target.value)} />;
}

function Choice(props: EditorProps & { options: string[] }) {
  const { options, value, onChange, optional } = props;
  // A device may hold a value outside its own enumeration; it stays visible until another is chosen.
  const strange = value !== "" && !options.includes(value);
  return (
    <select {...common(props)} className="field" value={value} onChange={(event) => onChange(event.target.value)}>
      {(optional || value === "") && <option value="">{optional ? "not given" : "choose"}</option>}
      {strange && <option value={value}>{value} (not in the list)</option>}
      {options.map((option) => <option key={option} value={option}>{option}</option>)}
    </select>
  );
}

function ChoiceList({ options, value, onChange, label, disabled }: EditorProps & { options: string[] }) {
  const chosen = new Set(splitList(value));
  const toggle = (option: string) => {
    if (!chosen.delete(option)) chosen.add(option);
    onChange([...options.filter((each) => chosen.has(each)), ...[...chosen].filter((each) => !options.includes(each))].join(","));
  };
  return (
    <fieldset className="max-h-48 overflow-auto rounded-[5px] border border-line-strong bg-surface px-2.5 py-1.5" disabled={disabled}>
      <legend className="sr-only">{label}</legend>
      {[...options, ...[...chosen].filter((each) => !options.includes(each))].map((option) => (
        <label key={option} className="value flex items-center gap-2 py-px"><input type="checkbox" checked={chosen.has(option)} onChange={() => toggle(option)} />{option}</label>
      ))}
    </fieldset>
  );
}

function YesNo({ value, onChange, label, disabled, inputId }: EditorProps) {
  const name = useId();
  const current = value === "1" ? "true" : value === "0" ? "false" : value;
  return (
    <fieldset className="inline-flex overflow-hidden rounded-[5px] border border-line-strong" disabled={disabled}>
      <legend className="sr-only">{label}</legend>
      {["true", "false"].map((option) => (
        <label key={option} className={cx("value cursor-pointer px-3.5 py-1 has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-accent", current === option ? "bg-accent font-semibold text-on-accent" : "bg-surface hover:bg-hover")}>
          <input id={current === option || (current === "" && option === "true") ? inputId : undefined} type="radio" name={name} value={option} checked={current === option} onChange={() => onChange(option)} className="sr-only" />
          {option}
        </label>
      ))}
    </fieldset>
  );
}

function TimeField(props: EditorProps) {
  const time = Date.parse(props.value);
  return (
    <div>
      <div className="flex gap-1.5">
        <Line {...props} />
        <Button onClick={() => props.onChange(new Date().toISOString().replace(/\.\d+Z$/, "Z"))} disabled={props.disabled}>Now</Button>
      </div>
      {!Number.isNaN(time) && time > 0 && <p className="mt-1 text-xs text-faint">{new Date(time).toLocaleString()} here</p>}
    </div>
  );
}
