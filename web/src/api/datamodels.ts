// Imported data models: what the server knows of parameters beyond what a device itself says.
import { queryOptions } from "@tanstack/react-query";
import { api, send, unwrap } from "./client";
import type { Schemas } from "./types";

/** One imported file. Its id is the hash of what is in it, so that the same file is imported once. */
export type DataModel = Schemas["DataModel"];

export const dataModelsKey = ["datamodels"] as const;

export const dataModelsQuery = queryOptions({
  queryKey: dataModelsKey,
  queryFn: async ({ signal }): Promise<DataModel[]> => (await unwrap(api.GET("/datamodels", { signal }))).items,
});

export const importDataModel = (file: Blob) => send<DataModel>("/datamodels", file, "application/xml");
export const removeDataModel = (id: string) => unwrap(api.DELETE("/datamodels/{id}", { params: { path: { id } } }));
