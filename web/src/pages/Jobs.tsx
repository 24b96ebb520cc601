// Jobs of all devices.
import { useState } from "react";
import type { JobState } from "../api/types";
import { JobList, StateFilter } from "../components/JobList";
import { PageHeader } from "../components/ui";

export function JobsPage() {
  const [state, setState] = useState<JobState | "">("");
  return (
    <>
      <PageHeader title="Jobs" detail="Reads, writes and commands, newest first. A job for a device that is away waits until it connects."><StateFilter value={state} onChange={setState} /></PageHeader>
      <div className="px-4 pb-8 md:px-6"><JobList state={state} /></div>
    </>
  );
}
