// Models written briefly: what a fixture leaves out is empty, as a device that says nothing of it would have it.
import type { ModelArg, ModelCommand, ModelObject } from "../src/api/types";

type Brief<T, K extends keyof T> = Partial<T> & Pick<T, K>;
type BriefCommand = Omit<Brief<ModelCommand, "name" | "async">, "inputs" | "outputs"> & { inputs?: Brief<ModelArg, "name">[]; outputs?: Brief<ModelArg, "name">[] };
type BriefObject = Omit<Brief<ModelObject, "path" | "access" | "multi">, "commands" | "events"> & { commands?: BriefCommand[]; events?: { name: string; args?: Brief<ModelArg, "name">[] }[] };

const args = (brief: Brief<ModelArg, "name">[] = []): ModelArg[] => brief.map((arg) => ({ type: "string", mandatory: false, ...arg }));
export const objects = (brief: BriefObject[]): ModelObject[] => brief.map((object) => ({
  unique_keys: [], params: [], ...object,
  commands: (object.commands ?? []).map((command) => ({ ...command, inputs: args(command.inputs), outputs: args(command.outputs) })),
  events: (object.events ?? []).map((event) => ({ name: event.name, args: args(event.args) })),
}));
