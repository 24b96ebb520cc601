// Imported data models: what the server knows of parameters beyond what a device itself says.
import { queryOptions } from "@tanstack/react-query";
import { BASE, send, toProblem, ApiError } from "./client";
import type { Schemas } from "./types";

/** One imported file. Its id is the hash of what is in it, so that the same file is imported once. */
export type DataModel = Schemas["DataModel"];

export const dataModelsKey = ["datamodels"] as const;

export const dataModelsQuery = queryOptions({
  queryKey: dataModelsKey,
  queryFn: async ({ signal }): Promise<DataModel[]> => {
    const response = await fetch(`${BASE}/datamodels`, { signal, credentials: "same-origin" });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw new ApiError(toProblem(response.status, body));
    return (body as { items: DataModel[] }).items;
  },
});

export const importDataModel = (file: Blob) => send<DataModel>("POST", "/datamodels", file, "application/xml");
export const removeDataModel = (id: string) => send<void>("DELETE", `/datamodels/${encodeURIComponent(id)}`);
