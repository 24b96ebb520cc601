// Ways into an outcome, whose results are of one shape for each kind of operation.
import type { OperationResult, Outcome, SchemaResult } from "./types";

/** The results of anything but a schema request, each with the members that its kind fills in. */
export function resultsOf(outcome: Outcome | null | undefined): OperationResult[] {
  return outcome?.kind === "schema" ? [] : ((outcome?.results ?? []) as OperationResult[]);
}

/** The results of a schema request. */
export function schemaResultsOf(outcome: Outcome | null | undefined): SchemaResult[] {
  return outcome?.kind === "schema" ? ((outcome.results ?? []) as SchemaResult[]) : [];
}
