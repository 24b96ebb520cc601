// Index over a device's supported data model: what stands under an object, and what is known about a path.
import type { Model, ModelCommand, ModelObject, ModelParam } from "../api/types";
import { compareNames, nameOf, parentOf, toSupported } from "./paths";

export class SchemaIndex {
  #objects = new Map<string, ModelObject>();
  #children = new Map<string, Set<string>>();

  constructor(model: Model | undefined) {
    for (const object of model?.objects ?? []) {
      this.#objects.set(object.path, object);
      this.#link(object.path);
    }
  }

  /** Makes every ancestor known, even one that the device did not list. */
  #link(path: string): void {
    const parent = parentOf(path);
    if (parent === "") return;
    const siblings = this.#children.get(parent);
    if (siblings) {
      siblings.add(nameOf(path));
      return;
    }
    this.#children.set(parent, new Set([nameOf(path)]));
    this.#link(parent);
  }

  get empty(): boolean {
    return this.#objects.size === 0;
  }

  /** The supported object of an instantiated path. For a table that is its row object, `Device.Hosts.Host.{i}.` for `Device.Hosts.Host.`. */
  object(path: string): ModelObject | undefined {
    const supported = toSupported(path);
    return this.#objects.get(supported) ?? this.#objects.get(`${supported}{i}.`);
  }

  isTable(path: string): boolean {
    return this.#children.get(toSupported(path))?.has("{i}") ?? false;
  }

  /** Child objects that the model names; the rows of a table come from the device instead. */
  childObjects(path: string): string[] {
    const names = [...(this.#children.get(toSupported(path)) ?? [])].filter((name) => name !== "{i}");
    return names.sort(compareNames);
  }

  param(path: string): ModelParam | undefined {
    const name = nameOf(path);
    return this.#own(parentOf(path))?.params?.find((param) => param.name === name);
  }

  command(path: string): ModelCommand | undefined {
    const name = nameOf(path);
    return this.#own(parentOf(path))?.commands?.find((command) => command.name === name);
  }

  /** The object itself, never the row object of a table. */
  own(path: string): ModelObject | undefined {
    return this.#own(path);
  }

  #own(path: string): ModelObject | undefined {
    return this.#objects.get(toSupported(path));
  }
}

/** What may be written into a fresh row, with the parts of a unique key first. */
export function rowFields(object: ModelObject): ModelParam[] {
  const keys = new Set((object.unique_keys ?? []).flat());
  const writable = (object.params ?? []).filter((param) => param.access !== "readOnly");
  return [...writable.filter((param) => keys.has(param.name)), ...writable.filter((param) => !keys.has(param.name))];
}

export const canAdd = (object: ModelObject | undefined): boolean => object?.access === "addDelete" || object?.access === "addOnly";
export const canDelete = (object: ModelObject | undefined): boolean => object?.access === "addDelete" || object?.access === "deleteOnly";
