// Jobs of one device.
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { JobState } from "../../api/types";
import { JobList, StateFilter } from "../../components/JobList";

const route = getRouteApi("/shell/devices/$id");

export function DeviceJobs() {
  const { id } = route.useParams();
  const [state, setState] = useState<JobState | "">("");
  return (
    <div className="px-4 py-4 md:px-6">
      <div className="mb-3 flex justify-end"><StateFilter value={state} onChange={setState} /></div>
      <JobList device={id} state={state} />
    </div>
  );
}
